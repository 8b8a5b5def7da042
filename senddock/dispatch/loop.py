"""The loop that drives all lanes of a worker: one thread, many sessions, one commit for all marks that wait.

A turn resumes every lane whose socket is ready, then commits the dot marks they asked for together with the outcomes
that have come in, then lets those lanes send their dots. No lane waits for another thread, and the busier the wire, the
more marks share a commit.
"""

import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from senddock.dispatch.dial import Dial
from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.lane import Lane
from senddock.dispatch.lanes import Lanes, ProviderQueue
from senddock.dispatch.recorder import Recorder
from senddock.smtp.session import Session
from senddock.smtp.wire import Wire

log = logging.getLogger(__name__)

#: Seconds between two looks at the deadlines of waiting lanes.
_CLOCK = 0.05
#: Seconds for which marks wait for those of other lanes; a commit costs that much.
_GATHERING = 0.001
#: Commits after which it is tried again whether gathering brings anything.
_ALONE = 15


class _Berth:
    """A lane that is under way, and what the selector knows of it."""

    __slots__ = ("fd", "lane", "wanted", "wire")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.wire: Wire | None = None
        self.fd = -1
        self.wanted = 0


class Loop:
    """Drives lanes; every method but `wake` belongs to the engine's thread."""

    def __init__(self, lanes: Lanes, recorder: Recorder, board: Callable[[ProviderQueue], Lane]) -> None:
        """``board`` makes the lane that serves a queue."""
        self._lanes = lanes
        self._recorder = recorder
        self._board = board
        self._selector = selectors.DefaultSelector()
        self._berths: set[_Berth] = set()
        self._marks: list[tuple[_Berth, list[Mark]]] = []
        self._dialled: deque[tuple[_Berth, Session | None, BaseException | None]] = deque()
        self._looked = 0.0
        #: Commits for which nothing is gathered, because nothing came the last time.
        self._alone = 0
        #: Between `wake`, which any thread may call, and `close`: a number that was closed may be another file's by then.
        #: Re-entrant, because a signal may wake the loop in the middle of waking it.
        self._door = threading.RLock()
        self._closed = False
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._mouth, False)
        self._selector.register(self._ear, selectors.EVENT_READ, None)

    @property
    def busy(self) -> bool:
        """True while a lane is under way."""
        return bool(self._berths)

    def wake(self) -> None:
        """End the present wait; may be called from any thread."""
        with self._door:
            if self._closed:
                # Stopped twice, as by SIGTERM and then by the end of the worker.
                return
            try:
                os.write(self._mouth, b".")
            except BlockingIOError:
                log.debug("a wake-up is waiting already")

    def turn(self, longest: float) -> None:
        """Let every lane go on that can; waits at most ``longest`` seconds for the first."""
        self._start_lanes()
        patience = self._recorder.patience()
        ready = self._selector.select(self._timeout(longest if patience is None else min(longest, patience)))
        self._serve(ready)
        self._throw_overdue()
        if self._marks:
            self._gather()
            self._commit()
        elif self._recorder.due() and (not self._berths or not self._recorder.patience()):
            # Outcomes alone wait a moment for marks to share their commit with.
            self._recorder.commit([])

    def _serve(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, _ in ready:
            berth: _Berth | None = key.data
            if berth is None:
                self._hear()
            elif key.fd == berth.fd:
                self._resume(berth, None)

    def _gather(self) -> None:
        """Wait for the other lanes' marks too, as long as their servers answer within a moment."""
        if self._alone:
            self._alone -= 1
            return
        until = time.monotonic() + _GATHERING
        while len(self._marks) < len(self._berths) and time.monotonic() < until:
            ready = self._selector.select(_GATHERING)
            if not ready:
                self._alone = _ALONE
                return
            self._serve(ready)

    def close(self) -> None:
        """Leave what is under way to recovery and give back descriptors."""
        for berth in self._berths:
            wire = berth.lane.wire
            if wire is not None:
                wire.close()
        with self._door:
            self._closed = True
            self._selector.close()
            os.close(self._ear)
            os.close(self._mouth)
        self._close_dialled()

    def _start_lanes(self) -> None:
        while len(self._berths) < self._lanes.count:
            served = self._lanes.next()
            if served is None:
                return
            self._lanes.began(served)
            berth = _Berth(self._board(served))
            self._berths.add(berth)
            self._resume(berth, None)

    def _timeout(self, longest: float) -> float:
        if self._marks or self._dialled:
            return 0.0
        if not self._berths:
            return longest
        deadlines = [berth.wire.deadline for berth in self._berths if berth.wire is not None]
        left = min(deadlines) - time.monotonic() if deadlines else longest
        return min(longest, max(0.0, left))

    def _resume(self, berth: _Berth, value: Any, error: BaseException | None = None) -> None:
        flow = berth.lane.flow
        try:
            wanted = flow.send(value) if error is None else flow.throw(error)
        except StopIteration:
            self._depart(berth)
        except Exception:
            log.exception("a lane stopped serving %s", berth.lane.served.provider.name)
            self._depart(berth)
        else:
            if isinstance(wanted, int):
                self._want(berth, wanted)
            elif isinstance(wanted, list):
                self._marks.append((berth, wanted))
            else:
                self._attach(berth, None)
                self._dial(berth, wanted)

    def _depart(self, berth: _Berth) -> None:
        self._attach(berth, None)
        self._berths.discard(berth)
        self._lanes.ended(berth.lane.served)

    def _attach(self, berth: _Berth, wire: Wire | None) -> None:
        """Forget the lane's old connection. It may be closed already, and its number in use by another connection that
        is not registered yet; registering comes later than this in every case."""
        if berth.fd >= 0:
            self._selector.unregister(berth.fd)
            berth.fd, berth.wanted = -1, 0
        berth.wire = wire

    def _want(self, berth: _Berth, wanted: int) -> None:
        wire = berth.lane.wire
        if wire is not berth.wire:
            self._attach(berth, wire)
        if wanted == berth.wanted:
            return
        if berth.fd < 0:
            assert wire is not None
            berth.fd = wire.fileno()
            self._selector.register(berth.fd, wanted, berth)
        else:
            self._selector.modify(berth.fd, wanted, berth)
        berth.wanted = wanted

    def _commit(self) -> None:
        waiting, self._marks = self._marks, []
        try:
            self._recorder.commit([mark for _, marks in waiting for mark in marks])
        except Exception:
            # What is not known to be on disk is not sent.
            log.exception("the dot marks of %d lanes met a defect", len(waiting))
        for berth, _ in waiting:
            self._resume(berth, None)

    def _throw_overdue(self) -> None:
        now = time.monotonic()
        if now - self._looked < _CLOCK:
            return
        self._looked = now
        for berth in list(self._berths):
            wire = berth.wire
            if wire is not None and wire.deadline <= now and not any(berth is waiting for waiting, _ in self._marks):
                self._resume(berth, None, wire.overdue())

    def _dial(self, berth: _Berth, dial: Dial) -> None:
        dial.wake = self.wake

        def run() -> None:
            session, failure = None, None
            try:
                session = dial.open()
            except BaseException as error:  # noqa: BLE001 - raised again in the lane that waits for the session
                failure = error
            self._dialled.append((berth, session, failure))
            self.wake()
            if self._closed:
                self._close_dialled()

        threading.Thread(target=run, name="dial", daemon=True).start()

    def _hear(self) -> None:
        try:
            os.read(self._ear, 4096)
        except BlockingIOError:
            log.debug("woken twice")
        while self._dialled:
            berth, session, failure = self._dialled.popleft()
            self._resume(berth, session, failure)

    def _close_dialled(self) -> None:
        """Sessions that opened too late for a lane to use them."""
        while self._dialled:
            _, session, _ = self._dialled.popleft()
            if session is not None:
                session.close()
