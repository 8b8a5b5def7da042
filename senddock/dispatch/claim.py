"""Taking due messages off the queue: a conditional update that no two workers can win together."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from senddock.dispatch.suppressed import suppressed_among
from senddock.models import Content, Database
from senddock.models.prepared import Pen

#: Bodies up to this many octets are read with the claim; larger ones when their turn comes, to bound memory.
EAGER_BYTES = 256 * 1024


class Held(NamedTuple):
    """A claimed message's row, as far as the engine needs it."""

    id: str
    stream_id: int
    fence: int
    created_at: datetime
    scheduled_at: datetime | None
    expires_at: datetime | None
    sender: str | None
    from_domain: str | None
    from_header: str | None
    size: int
    needs_8bit: bool
    needs_smtputf8: bool
    attempts: int
    rounds: int
    failed_over: bool
    pinned_provider_id: int | None
    header_message_id: str
    project_id: int


class HeldDelivery(NamedTuple):
    """One recipient of a claimed message."""

    id: int
    message_id: str
    recipient: str
    tries: int
    sticky_provider_id: int | None
    status: str
    next_attempt_at: datetime | None
    verdict_class: str | None
    #: The address is on the suppression list now; it may have been put there after the message was accepted.
    suppressed: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message a worker now holds, with its deliveries."""

    row: Held
    deliveries: Sequence[HeldDelivery]
    #: ``None`` when it is large and has to be read by itself.
    raw: bytes | None


# Written by hand for the two drivers, like all statements of the hot path: docs/adr/0007.
_DUE = "SELECT id FROM message WHERE stream_id = {} AND due_at IS NOT NULL AND due_at <= {} ORDER BY due_at LIMIT {}"
_TAKE = (
    "UPDATE message SET state = 'sending', worker_id = {}, fence = fence + 1, due_at = NULL WHERE id IN (%s) RETURNING "
    "id, stream_id, fence, created_at, scheduled_at, expires_at, sender, from_domain, from_header, size, needs_8bit, "
    "needs_smtputf8, attempts, rounds, failed_over, pinned_provider_id, header_message_id, project_id"
)
_DELIVERIES = (
    "SELECT id, message_id, recipient, tries, sticky_provider_id, status, next_attempt_at, verdict_class FROM delivery "
    "WHERE message_id IN (%s) ORDER BY id"
)
_BODIES = "SELECT message_id, raw FROM content WHERE message_id IN (%s)"
# A worker that was taken for dead, because its process was suspended, lives when it claims: what it takes from now on must
# not be taken back as what it held before was.
_ALIVE = "UPDATE worker SET stopped_at = NULL, heartbeat_at = {} WHERE id = {} AND stopped_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class _Speech:
    """The statements in one database's words."""

    take: str
    deliveries: str
    bodies: str
    alive: str
    #: Turns ids into the parameter of the last two.
    ids: Callable[[list[str]], Any]
    moment: Callable[[Any], datetime | None]


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


def _from_zone(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


_MANY = "SELECT value FROM json_each(?)"
_SPEECH = {
    "sqlite": _Speech(
        (_TAKE % _DUE).format(*"????"),
        _DELIVERIES % _MANY,
        _BODIES % _MANY,
        _ALIVE.format(*"??"),
        json.dumps,
        _from_text,
    ),
    # Other workers step over the rows this one is about to take instead of queueing behind them.
    "postgresql": _Speech(
        (_TAKE % (_DUE + " FOR UPDATE SKIP LOCKED")).format(*["%s"] * 4),
        _DELIVERIES % "SELECT unnest(%s::uuid[])",
        _BODIES % "SELECT unnest(%s::uuid[])",
        _ALIVE.format(*["%s"] * 2),
        lambda ids: ids,
        _from_zone,
    ),
}


def statements(dialect: str) -> tuple[str, str, str]:
    """The statements of a claim in this database's words: the update that takes, then what reads recipients and bodies."""
    speech = _SPEECH[dialect]
    return speech.take, speech.deliveries, speech.bodies


def claim(
    database: Database,
    *,
    worker_id: int,
    stream_ids: Collection[int],
    limit: int,
    now: datetime,
    rooms: Mapping[int, int] | None = None,
) -> list[Claimed]:
    """Claim up to ``limit`` due messages of these streams, the longest due first; ``rooms`` bounds single streams.

    Each claimed message belongs to ``worker_id`` until it is finished, deferred, or the worker's lease runs out. Its
    fence has grown, so an earlier holder can no longer commit anything for it. Not thread-safe: for the engine's thread.
    """
    if not stream_ids or limit < 1:
        return []
    # A claim that the loss of power undoes is no loss: the message is due again.
    with database.pen(lasting=False) as pen:
        speech = _SPEECH[pen.dialect.name]
        rows: list[Held] = []
        moment = now.astimezone(UTC)
        due: Any = moment if pen.dialect.name != "sqlite" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
        for stream_id in stream_ids:
            if len(rows) >= limit:
                break
            most = min(limit - len(rows), (rooms or {}).get(stream_id, limit))
            pen.cursor.execute(speech.take, (worker_id, stream_id, due, most))
            rows.extend(_held(values, speech.moment) for values in pen.cursor.fetchall())
        if not rows:
            return []
        pen.cursor.execute(speech.alive, (due, worker_id))
        deliveries = _deliveries(pen, speech, {row.id: row.project_id for row in rows})
        small = [row.id for row in rows if row.size <= EAGER_BYTES]
        pen.cursor.execute(speech.bodies, (speech.ids(small),))
        bodies = {str(message_id): bytes(raw) for message_id, raw in pen.cursor.fetchall()}
    return [Claimed(row, deliveries.get(row.id, []), bodies.get(row.id)) for row in rows]


def _held(values: Sequence[Any], moment: Callable[[Any], datetime | None]) -> Held:
    uid, stream_id, fence, created, scheduled, expires, sender, domain, header, size, eight, utf8, *rest = values
    attempts, rounds, failed_over, pinned, message_id, project_id = rest
    at = moment(created)
    assert at is not None
    return Held(
        str(uid), stream_id, fence, at, moment(scheduled), moment(expires), sender, domain, header, size,
        bool(eight), bool(utf8), attempts, rounds, bool(failed_over), pinned, message_id, project_id,
    )  # fmt: skip


def _deliveries(pen: Pen, speech: _Speech, projects: Mapping[str, int]) -> dict[str, list[HeldDelivery]]:
    """The recipients of these messages; ``projects`` names the project of each."""
    pen.cursor.execute(speech.deliveries, (speech.ids(list(projects)),))
    rows = [(values[0], str(values[1]), *values[2:]) for values in pen.cursor.fetchall()]
    suppressed = suppressed_among(pen, {(projects[row[1]], row[2].lower()) for row in rows})
    found: dict[str, list[HeldDelivery]] = {}
    for uid, message_id, recipient, tries, sticky, status, next_at, verdict_class in rows:
        blocked = bool(suppressed) and (projects[message_id], recipient.lower()) in suppressed
        row = HeldDelivery(
            uid, message_id, recipient, tries, sticky, status, speech.moment(next_at), verdict_class, blocked
        )
        found.setdefault(message_id, []).append(row)
    return found


def read_body(database: Database, message_id: str) -> bytes:
    """The stored bytes of one message. Raises ``LookupError`` when its content has been pruned."""
    with database.connect() as connection:
        raw = connection.execute(
            select(Content.raw).where(Content.message_id == bindparam("id")), {"id": message_id}
        ).scalar()
    if raw is None:
        raise LookupError(message_id)
    return bytes(raw)
