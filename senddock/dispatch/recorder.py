"""The only writer of outcomes: everything that waits is committed in one transaction, then the waiting lanes go on.

A dot mark is committed before its final dot leaves. A worker that dies between the two leaves a mark without an outcome:
the attempts whose fate nobody can know, and of mail that is sent again by itself the one chained behind each
(docs/adr/0059). Group commit makes that possible at full speed, because ten lanes that wait for their marks wait for one
fsync; and the outcomes of the messages before ride along.
"""

import contextlib
import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence

from senddock.dispatch import dot_marks
from senddock.dispatch.consequences import LISTENING
from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.late_outcome import write_late
from senddock.dispatch.message_state import abandon
from senddock.dispatch.settlement import Settlement, bind, write
from senddock.models import Database, StorageUnavailable, Unsynced
from senddock.models.prepared import Pen

log = logging.getLogger(__name__)

#: Seconds for which outcomes wait for marks to come.
_PATIENCE = 0.005
#: Seconds until letting go of a message is tried again.
_PAUSE = 1.0

_ASKED = "SELECT {}, fence, worker_id, {} FROM message WHERE id {}"
_FENCES = {
    "sqlite": _ASKED.format("id", LISTENING, "IN (SELECT value FROM json_each(?))"),
    "postgresql": _ASKED.format("id::text", LISTENING, "= ANY(%s::uuid[])"),
}


class Recorder:
    """Commits marks and settlements for the engine's thread, the only one that calls it."""

    def __init__(self, database: Database, worker_id: int) -> None:
        """``worker_id`` is the worker whose marks these are."""
        self._database = database
        self._worker_id = worker_id
        #: Marks on disk whose outcome is not, by message.
        self._in_flight: dict[str, Mark] = {}
        #: Outcomes that are not on disk yet, in the order in which they came.
        self._waiting: list[Settlement] = []
        #: Fences of messages that recovery shall have, which the database has not been told yet.
        self._left: dict[str, int] = {}
        self._delay = 0.0
        self._not_before = 0.0
        #: Monotonic seconds at which the first of those that wait came.
        self._since = 0.0

    @property
    def waiting(self) -> bool:
        """True while an outcome is not on disk."""
        return bool(self._waiting or self._left)

    def due(self) -> bool:
        """True when there is an outcome to be committed now."""
        return self.waiting and time.monotonic() >= self._not_before

    def patience(self) -> float | None:
        """Seconds for which outcomes still wait for marks to share their commit with; ``None`` when none waits."""
        return max(0.0, self._since + _PATIENCE - time.monotonic()) if self._waiting else None

    def settle(self, settlement: Settlement) -> None:
        """Take an outcome for the next commit. It is kept and tried again while the database takes no writes."""
        mark = self._in_flight.get(settlement.message_id)
        if not self._waiting:
            self._since = time.monotonic()
        settlement.marked = mark is not None and settlement.ends(mark.attempt["number"])
        self._waiting.append(settlement)

    def leave(self, message_id: str, fence: int) -> None:
        """Let go of a message after a defect: recovery decides by what is on disk. Tried again until that is on disk."""
        self._left[message_id] = fence
        self._let_go()

    def _let_go(self) -> None:
        for message_id, fence in list(self._left.items()):
            if not abandon(self._database, message_id, fence):
                self._not_before = time.monotonic() + _PAUSE
                return
            # Recovery knows its mark by now.
            del self._left[message_id]
            self._in_flight.pop(message_id, None)

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
        if self._left and time.monotonic() >= self._not_before:
            self._let_go()

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
            self.leave(message_id, fence)

    def _commit(self, marks: Sequence[Mark], settlements: Sequence[Settlement]) -> None:
        if not marks and not settlements:
            return
        dialect = self._database.engine.dialect
        # Bound before the one writer's turn: while one worker has it, the others wait.
        rows = bind(dialect, settlements)
        flying = self._flying(marks, settlements)
        bound_marks = dot_marks.bind(dialect, self._worker_id, flying.values())
        on_disk = True
        try:
            with self._database.pen() as pen:
                # Before the fences are read: on PostgreSQL, recovery holds this row while it changes them.
                if marks or len(flying) != len(self._in_flight):
                    dot_marks.write(pen, bound_marks)
                fences, released, listening = _fences(pen, marks, settlements)
                held = [mark for mark in marks if _is_held(mark, fences, released)]
                mine = [item for item in settlements if _is_held(item, fences, released)]
                if len(held) != len(marks):
                    flying = self._flying(held, settlements)
                    dot_marks.write(pen, dot_marks.bind(dialect, self._worker_id, flying.values()))
                if len(mine) != len(settlements):
                    rows = bind(dialect, mine)
                write(pen, mine, rows, listening=listening)
        except Unsynced as error:
            # The outcomes are in force; should the power fail, they are lost like any that came too late to be written.
            log.error("%d messages are not sent: %s", len(marks), error)
            on_disk = False
        self._in_flight = flying
        since = dot_marks.boot_time()
        for mark in held:
            mark.committed, mark.since = on_disk, since
        if len(mine) != len(settlements):
            for item in settlements:
                if not _is_held(item, fences, released):
                    self._write_late(item, fences)

    def _flying(self, marks: Sequence[Mark], settlements: Sequence[Settlement]) -> dict[str, Mark]:
        """The marks that have no outcome on disk once these marks and settlements are."""
        flying = dict(self._in_flight)
        for settlement in settlements:
            mark = flying.get(settlement.message_id)
            # The outcome of one attempt may come together with, or after, the mark of the next.
            if mark is not None and settlement.ends(mark.attempt["number"]):
                del flying[settlement.message_id]
        flying.update((mark.message_id, mark) for mark in marks)
        return flying

    def _write_late(self, settlement: Settlement, fences: Mapping[str, int]) -> None:
        """An outcome that comes after the message was taken back."""
        try:
            with self._database.transaction() as connection:
                write_late(connection, settlement, taken_over=fences.get(settlement.message_id) != settlement.fence)
        except StorageUnavailable as error:
            log.error("a late outcome is kept in memory until the database takes writes again: %s", error)
            self._waiting.append(settlement)


def _is_held(item: Mark | Settlement, fences: Mapping[str, int], released: Collection[str]) -> bool:
    """False when the message was taken back meanwhile. In doubt its fence stays, so that a late outcome finds it; but nobody
    holds it any more, and what recovery has decided must be neither repeated nor overwritten."""
    return fences.get(item.message_id) == item.fence and item.message_id not in released


def _fences(
    pen: Pen, marks: Sequence[Mark], settlements: Sequence[Settlement]
) -> tuple[dict[str, int], set[str], bool]:
    """The fence of each message, the messages that nobody holds any more, and whether a webhook endpoint is enabled."""
    ids = list({*(mark.message_id for mark in marks), *(item.message_id for item in settlements)})
    if pen.dialect.name == "sqlite":
        pen.cursor.execute(_FENCES["sqlite"], (json.dumps(ids),))
    else:
        pen.cursor.execute(_FENCES["postgresql"], (ids,))
    rows = pen.cursor.fetchall()
    released = {row[0] for row in rows if row[2] is None}
    return {row[0]: row[1] for row in rows}, released, any(row[3] for row in rows)
