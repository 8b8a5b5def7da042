"""Taking due messages off the queue: a conditional update that no two workers can win together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from senddock.domain.status import Status
from senddock.models import Content, Database, Delivery, Message

#: Bodies up to this many octets are read with the claim; larger ones when their turn comes, to bound memory.
EAGER_BYTES = 256 * 1024
_COLUMNS = (
    Message.id,
    Message.stream_id,
    Message.fence,
    Message.created_at,
    Message.scheduled_at,
    Message.expires_at,
    Message.sender,
    Message.from_domain,
    Message.from_header,
    Message.size,
    Message.needs_8bit,
    Message.needs_smtputf8,
    Message.attempts,
    Message.rounds,
    Message.failed_over,
    Message.pinned_provider_id,
    Message.header_message_id,
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message a worker now holds, with its deliveries."""

    row: Row[*tuple[Any, ...]]
    deliveries: Sequence[Row[*tuple[Any, ...]]]
    #: ``None`` when it is large and has to be read by itself.
    raw: bytes | None


def claim(
    database: Database, *, worker_id: int, stream_ids: Collection[int], limit: int, now: datetime
) -> list[Claimed]:
    """Claim up to ``limit`` due messages of these streams, the longest due first.

    Each claimed message belongs to ``worker_id`` until it is finished, deferred, or the worker's lease runs out. Its
    fence has grown, so an earlier holder can no longer commit anything for it.
    """
    if not stream_ids or limit < 1:
        return []
    with database.transaction() as connection:
        rows: list[Row[*tuple[Any, ...]]] = []
        for stream_id in stream_ids:
            if len(rows) >= limit:
                break
            rows.extend(_claim_stream(connection, database, worker_id, stream_id, limit - len(rows), now))
        if not rows:
            return []
        ids = [row.id for row in rows]
        deliveries: dict[str, list[Row[*tuple[Any, ...]]]] = {}
        statement = select(
            Delivery.id,
            Delivery.message_id,
            Delivery.recipient,
            Delivery.tries,
            Delivery.next_attempt_at,
            Delivery.sticky_provider_id,
            Delivery.status,
            Delivery.verdict_class,
        ).where(Delivery.message_id.in_(ids))
        for delivery in connection.execute(statement.order_by(Delivery.id)):
            deliveries.setdefault(delivery.message_id, []).append(delivery)
        small = [row.id for row in rows if row.size <= EAGER_BYTES]
        bodies = {
            row.message_id: row.raw
            for row in connection.execute(select(Content.message_id, Content.raw).where(Content.message_id.in_(small)))
        }
    return [Claimed(row, deliveries.get(row.id, []), bodies.get(row.id)) for row in rows]


def _claim_stream(
    connection: Connection, database: Database, worker_id: int, stream_id: int, limit: int, now: datetime
) -> Sequence[Row[*tuple[Any, ...]]]:
    due = (
        select(Message.id)
        .where(Message.stream_id == stream_id, Message.due_at.is_not(None), Message.due_at <= now)
        .order_by(Message.due_at)
        .limit(limit)
    )
    if not database.is_sqlite:
        # Other workers step over the rows this one is about to take instead of queueing behind them.
        due = due.with_for_update(skip_locked=True)
    taken = (
        update(Message)
        .where(Message.id.in_(due.scalar_subquery()))
        .values(state=Status.SENDING.value, worker_id=worker_id, fence=Message.fence + 1, due_at=None)
        .returning(*_COLUMNS)
        .execution_options(synchronize_session=False)
    )
    return connection.execute(taken).all()


def read_body(database: Database, message_id: str) -> bytes:
    """The stored bytes of one message. Raises ``LookupError`` when its content has been pruned."""
    with database.connect() as connection:
        raw = connection.execute(
            select(Content.raw).where(Content.message_id == bindparam("id")), {"id": message_id}
        ).scalar()
    if raw is None:
        raise LookupError(message_id)
    return bytes(raw)
