"""The only writer of outcomes: everything that waits is committed in one transaction, then the waiting lanes go on.

A dot mark is committed before its final dot leaves. A worker that dies between the two leaves a mark without an outcome:
exactly the attempts whose fate nobody can know. Group commit makes that exact at full speed, because ten lanes that wait
for ten marks wait for one fsync; and the outcomes of the messages before ride along.
"""

import contextlib
import json
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, insert, select, update

from senddock.dispatch.consequences import anybody_listens, follow_up, note_all
from senddock.dispatch.message_state import abandon, refresh_state
from senddock.dispatch.named_domains import named_domains
from senddock.dispatch.tally import Tally, in_doubt, pen_of
from senddock.domain.status import Status
from senddock.models import Attempt, Database, Delivery, Message, StorageUnavailable, Unsynced
from senddock.models.prepared import Pen, Prepared

log = logging.getLogger(__name__)

_ATTEMPT = [column.key for column in Attempt.__table__.columns]
_ATTEMPT_OUTCOME = "finished_at duration_ms stage verdict_class code enhanced text rule fail_over tls detail".split()
_DELIVERY = "status next_attempt_at tries sticky_provider_id verdict_class code enhanced text finished_at".split()
_MESSAGE = "state due_at attempts rounds provider_id failed_over last_class last_code reason plan finished_at".split()


def _assignments(names: Sequence[str]) -> dict[str, Any]:
    return {name: bindparam(f"v_{name}") for name in names}


_INSERT_ATTEMPT = Prepared(insert(Attempt), _ATTEMPT)
_FINISH_ATTEMPT = Prepared(
    update(Attempt)
    .where(Attempt.message_id == bindparam("b_message"), Attempt.number == bindparam("b_number"))
    .values(_assignments(_ATTEMPT_OUTCOME)),
    [],
    {"b_message": "message_id", "b_number": "number", **{f"v_{name}": name for name in _ATTEMPT_OUTCOME}},
)
_UPDATE_DELIVERY = Prepared(
    update(Delivery).where(Delivery.id == bindparam("b_id")).values(_assignments(_DELIVERY)), []
)
_UPDATE_MESSAGE = Prepared(
    update(Message)
    .where(Message.id == bindparam("b_id"), Message.fence == bindparam("b_fence"))
    .values({"worker_id": bindparam("v_worker_id"), **_assignments(_MESSAGE)}),
    [],
)
_FENCES = {
    "sqlite": "SELECT id, fence, worker_id FROM message WHERE id IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT id::text, fence, worker_id FROM message WHERE id = ANY(%s::uuid[])",
}


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


@dataclass(slots=True)
class Settlement:
    """What an attempt, or the decision not to make one, changes."""

    message_id: str
    fence: int
    #: The attempt's row; of a marked one only its key and outcome. ``None`` when there was no attempt.
    attempt: dict[str, Any] | None = None
    #: A mark of this attempt was committed before, so its row exists.
    marked: bool = False
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    #: Set when the worker lets go of the message.
    message: dict[str, Any] | None = None
    tally: Tally | None = None


class Recorder:
    """Commits marks and settlements for the engine's thread, the only one that calls it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Outcomes that are not on disk yet, in the order in which they came.
        self._waiting: list[Settlement] = []
        self._delay = 0.0
        self._not_before = 0.0

    @property
    def waiting(self) -> bool:
        """True while an outcome is not on disk."""
        return bool(self._waiting)

    def due(self) -> bool:
        """True when there is an outcome to be committed now."""
        return bool(self._waiting) and time.monotonic() >= self._not_before

    def settle(self, settlement: Settlement) -> None:
        """Take an outcome for the next commit. It is kept and tried again while the database takes no writes."""
        self._waiting.append(settlement)

    def commit(self, marks: Sequence[Mark]) -> None:
        """Put everything that waits on disk in one transaction; afterwards each mark says whether it is there."""
        work, self._waiting = self._waiting, []
        try:
            self._commit(marks, work)
        except StorageUnavailable as error:
            log.error("outcomes are kept in memory until the database takes writes again: %s", error)
            self._waiting = work + self._waiting
            self._delay = min(2.0, self._delay * 2 or 0.1)
            self._not_before = time.monotonic() + self._delay
            return
        except Exception:
            log.exception("a commit of %d outcomes met a defect; each is written by itself", len(work) + len(marks))
            self._one_by_one(marks, work)
        self._delay = 0.0

    def _one_by_one(self, marks: Sequence[Mark], settlements: Sequence[Settlement]) -> None:
        """One row that cannot be written must not take the others with it."""
        for mark in marks:
            with contextlib.suppress(StorageUnavailable):
                self._alone(mark.message_id, mark.fence, [mark], [])
        for settlement in settlements:
            try:
                self._alone(settlement.message_id, settlement.fence, [], [settlement])
            except StorageUnavailable:
                self._waiting.append(settlement)

    def _alone(self, message_id: str, fence: int, marks: list[Mark], settlements: list[Settlement]) -> None:
        try:
            self._commit(marks, settlements)
        except StorageUnavailable:
            raise
        except Exception:
            log.exception("the outcome of message %s cannot be written; recovery will decide", message_id)
            abandon(self._database, message_id, fence)

    def _commit(self, marks: Sequence[Mark], settlements: Sequence[Settlement]) -> None:
        if not marks and not settlements:
            return
        dialect = self._database.engine.dialect
        # Bound before the one writer's turn: while one worker has it, the others wait.
        rows = _bind(dialect, marks, settlements)
        on_disk = True
        try:
            with self._database.pen() as pen:
                asked = {mark.message_id for mark in marks}
                asked.update(settlement.message_id for settlement in settlements)
                fences, released = _fences(pen, asked)
                held = [mark for mark in marks if fences.get(mark.message_id) == mark.fence]
                mine = [
                    settlement
                    for settlement in settlements
                    if fences.get(settlement.message_id) == settlement.fence
                    and not (settlement.marked and settlement.message_id in released)
                ]
                if len(held) + len(mine) != len(marks) + len(settlements):
                    rows = _bind(dialect, held, mine)
                for statement, bound in rows:
                    statement.write(pen, bound)
                Tally.write(pen, [item.tally for item in mine if item.tally])
                _follow_up(pen, mine)
        except Unsynced as error:
            # The outcomes are in force; should the power fail, they are lost like any that came too late to be written.
            log.error("%d messages are not sent: %s", len(marks), error)
            on_disk = False
        if len(mine) != len(settlements):
            with self._database.transaction() as connection:
                for settlement in settlements:
                    if fences.get(settlement.message_id) != settlement.fence:
                        _write_late(connection, settlement)
                    elif settlement.marked and settlement.message_id in released:
                        # Recovery called it uncertain; this worker was only slow, and knows.
                        _uncount_doubt(connection, settlement)
                        pen = pen_of(connection)
                        for statement, bound in _bind(dialect, [], [settlement]):
                            statement.write(pen, bound)
                        Tally.write(pen, [settlement.tally] if settlement.tally else [])
                        _follow_up(pen, [settlement])
        for mark in held:
            mark.committed = on_disk


def _fences(pen: Pen, ids: Collection[str]) -> tuple[dict[str, int], set[str]]:
    """The fence of each message, and the messages that nobody holds any more."""
    if pen.dialect.name == "sqlite":
        pen.cursor.execute(_FENCES["sqlite"], (json.dumps(list(ids)),))
    else:
        pen.cursor.execute(_FENCES["postgresql"], (list(ids),))
    rows = pen.cursor.fetchall()
    return {row[0]: row[1] for row in rows}, {row[0] for row in rows if row[2] is None}


def _bind(
    dialect: Dialect, marks: Sequence[Mark], settlements: Sequence[Settlement]
) -> list[tuple[Prepared, list[Any]]]:
    """Statements and their rows, in the order in which they have to be run."""
    attempts = [(item.attempt, item.marked) for item in settlements if item.attempt]
    inserted = [mark.attempt for mark in marks] + [attempt for attempt, marked in attempts if not marked]
    messages = [
        {"b_id": item.message_id, "b_fence": item.fence, "v_worker_id": None, **item.message}
        for item in settlements
        if item.message
    ]
    return [
        (_INSERT_ATTEMPT, _INSERT_ATTEMPT.bind(dialect, inserted)),
        (_FINISH_ATTEMPT, _FINISH_ATTEMPT.bind(dialect, [attempt for attempt, marked in attempts if marked])),
        (_UPDATE_DELIVERY, _UPDATE_DELIVERY.bind(dialect, [row for item in settlements for row in item.deliveries])),
        (_UPDATE_MESSAGE, _UPDATE_MESSAGE.bind(dialect, messages)),
    ]


def _follow_up(pen: Pen, settlements: Sequence[Settlement]) -> None:
    told = [item for item in settlements if item.deliveries]
    if told:
        listening = anybody_listens(pen)
        note_all(pen, [event for item in told for event in follow_up(pen, item.message_id, item.deliveries, listening)])


def _write_late(connection: Connection, settlement: Settlement) -> None:
    """The lease was lost meanwhile. What is known about a marked attempt is still worth more than "uncertain"."""
    log.warning("message %s was taken over by another worker before its outcome was written", settlement.message_id)
    if not (settlement.attempt and settlement.marked):
        return
    outcome = {name: settlement.attempt[name] for name in _ATTEMPT_OUTCOME}
    _uncount_doubt(connection, settlement)
    connection.execute(
        update(Attempt)
        .where(Attempt.message_id == settlement.message_id, Attempt.number == settlement.attempt["number"])
        .values(outcome)
    )
    Tally.write(pen_of(connection), [settlement.tally] if settlement.tally else [])
    accepted = [change for change in settlement.deliveries if change["v_status"] == Status.ACCEPTED.value]
    for change in accepted:
        values = {name[2:]: value for name, value in change.items() if name.startswith("v_")}
        connection.execute(
            update(Delivery)
            .where(Delivery.id == change["b_id"], Delivery.status.in_((Status.UNCERTAIN.value, Status.DEFERRED.value)))
            .values(values)
        )
    if accepted:
        refresh_state(connection, settlement.message_id)
        _follow_up(pen_of(connection), [replace(settlement, deliveries=accepted)])


def _uncount_doubt(connection: Connection, settlement: Settlement) -> None:
    """Take back what recovery counted for this attempt, because its outcome is known after all."""
    assert settlement.attempt is not None
    before = connection.execute(
        select(Attempt.finished_at, Attempt.provider_id, Attempt.detail).where(
            Attempt.message_id == settlement.message_id, Attempt.number == settlement.attempt["number"]
        )
    ).one()
    if settlement.tally and before.finished_at is not None:
        counted = in_doubt(before, settlement.tally.stream_id, before.finished_at, named_domains(connection))
        Tally.write(pen_of(connection), [counted.taken_back()])
