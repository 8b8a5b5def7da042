"""Dot marks: which transactions' final dots may have left without their outcome being on disk.

Each worker has one row that names all of its own, rewritten in every commit that changes them. A mark costs a line of text
in a row that is written anyway, instead of an attempt's row and its later change; what no outcome ever replaced becomes an
attempt's row when the worker's messages are taken back (docs/adr/0029).
"""

import json
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, delete, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from senddock.models import Attempt, DotMark
from senddock.models.prepared import JsonText, Pen, Prepared

_SET = postgresql.insert(DotMark)
#: The text PostgreSQL has for it is SQLite's too.
_WRITE = Prepared(
    _SET.on_conflict_do_update(index_elements=["worker_id"], set_={"marks": _SET.excluded.marks}),
    ["worker_id", "marks"],
)


#: Seconds for which a mark may stand before its dot leaves.
_FRESH = 2.0


@dataclass(slots=True)
class Mark:
    """A lane is about to send a final dot and waits until that is on disk."""

    message_id: str
    fence: int
    #: The attempt's row as known so far.
    attempt: dict[str, Any]
    #: Set by the commit. While it is False the final dot must not be sent: the message was lost to another holder, or
    #: the database takes no writes.
    committed: bool = False
    #: As it stands in the row.
    text: str = ""
    #: When it was committed, in seconds since the machine was started.
    since: float = 0.0

    def fresh(self) -> bool:
        """True while the mark is on disk and so young that nobody can have taken the message back: a worker's messages
        are taken when it has been silent for the length of its lease, and it was not when the mark was committed."""
        return self.committed and boot_time() - self.since < _FRESH


def boot_time() -> float:
    """Seconds since the machine was started; goes on while the machine sleeps or this process is stopped."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def begin(connection: Connection, worker_id: int) -> None:
    """Make the row of a new worker."""
    connection.execute(delete(DotMark).where(DotMark.worker_id == worker_id))
    connection.execute(insert(DotMark).values(worker_id=worker_id, marks=_joined([], {})))


def bind(dialect: Dialect, worker_id: int, marks: Iterable[Mark]) -> list[Any]:
    """The row that names ``marks``, for `write`."""
    plans: dict[str, int] = {}
    return _WRITE.bind(
        dialect, [{"worker_id": worker_id, "marks": _joined([_text(mark, plans) for mark in marks], plans)}]
    )


def write(pen: Pen, bound: list[Any]) -> None:
    """Put the row in the place of the one before."""
    _WRITE.write(pen, bound)


def _joined(texts: list[str], plans: dict[str, int]) -> str:
    return f'{{"plans":[{",".join(plans)}],"marks":[{",".join(texts)}]}}'


def _text(mark: Mark, plans: dict[str, int]) -> str:
    """One mark. Plans are long and the same for most, so they stand apart."""
    row = mark.attempt
    plan = row["plan"].text if isinstance(row["plan"], JsonText) else json.dumps(row["plan"])
    index = plans.setdefault(plan, len(plans))
    if not mark.text:
        started, dotted = row["started_at"].timestamp(), row["dot_at"].timestamp()
        mark.text = (
            f'["{mark.message_id}",{mark.fence},{row["number"]},{row["provider_id"]},{_quoted(row["provider_name"])},'
            f"{row['recipients']},{started},{dotted},{json.dumps(row['detail'].get('deliveries'))}]"
        )
    return f"[{index},{mark.text}]"


@lru_cache(maxsize=256)
def _quoted(name: str) -> str:
    return json.dumps(name)


def marks_of(
    connection: Connection | Session, worker_ids: Collection[int] | None = None, *, lock: bool = False
) -> list[Mark]:
    """The marks of these workers, or of all; with ``lock`` they cannot grow until the transaction ends."""
    query = select(DotMark.marks)
    if worker_ids is not None:
        query = query.where(DotMark.worker_id.in_(worker_ids))
    rows = connection.execute(query.with_for_update() if lock else query).scalars().all()
    return [_read(entry, plans) for text in rows for plans, entries in [_parts(text)] for entry in entries]


def _parts(text: str) -> tuple[list[dict[str, Any]], list[Any]]:
    known = json.loads(text)
    return known["plans"], known["marks"]


def _read(entry: Any, plans: list[dict[str, Any]]) -> Mark:
    index, (message_id, fence, number, provider_id, name, recipients, started, dotted, deliveries) = entry
    row = {
        "message_id": message_id,
        "number": number,
        "provider_id": provider_id,
        "provider_name": name,
        "started_at": datetime.fromtimestamp(started, UTC),
        "dot_at": datetime.fromtimestamp(dotted, UTC),
        "recipients": recipients,
        "fail_over": False,
        "plan": plans[index],
        "detail": {} if deliveries is None else {"deliveries": deliveries},
    }
    return Mark(message_id, fence, row, committed=True)


def attempts_in_flight(session: Session, message_id: str, worker_id: int, fence: int) -> list[Attempt]:
    """The attempt whose dot may have left just now, if there is one, as the row that it is not yet; for a person's eyes."""
    marks = marks_of(session, [worker_id])
    return [Attempt(**mark.attempt) for mark in marks if (mark.message_id, mark.fence) == (message_id, fence)]


def keep(connection: Connection, marks: Iterable[Mark], message_id: str, fence: int) -> None:
    """Make an attempt's row of the mark of ``message_id`` under ``fence``, if there is one and has no row yet."""
    for mark in marks:
        if (mark.message_id, mark.fence) != (message_id, fence):
            continue
        known = select(Attempt.number).where(Attempt.message_id == message_id, Attempt.number == mark.attempt["number"])
        if connection.execute(known).first() is None:
            connection.execute(insert(Attempt).values(mark.attempt))
