"""The loop that drives lanes: who waits for what, one commit for all marks, and what becomes of a lane that breaks."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.lanes import Lanes
from senddock.dispatch.loop import Loop
from senddock.domain.reply import Stage
from senddock.smtp.fault import WireFault, fault
from senddock.smtp.steps import READ

#: Far enough never to pass.
LATER = 1e12


class Line:
    """One end of a real socket pair as a lane's connection."""

    def __init__(self, deadline: float = LATER) -> None:
        self.near, self.far = socket.socketpair()
        self.deadline = deadline

    def fileno(self) -> int:
        return self.near.fileno()

    def overdue(self) -> WireFault:
        return fault(Stage.MAIL, "Timeout")

    def close(self) -> None:
        self.near.close()
        self.far.close()


class Visit:
    """A lane whose flow the test has written."""

    def __init__(self, flow: Any, wire: Line | None = None) -> None:
        self.flow, self.wire = flow, wire
        self.served: Any = None


class Notes:
    """A recorder that remembers its commits."""

    waiting = False

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.refused: set[str] = set()

    def due(self) -> bool:
        return False

    def commit(self, marks: Sequence[Mark]) -> None:
        self.commits.append([mark.message_id for mark in marks])
        for mark in marks:
            mark.committed = mark.message_id not in self.refused


class Floor:
    """A loop with one provider for each lane."""

    def __init__(self) -> None:
        self.lanes = Lanes(8)
        self.notes = Notes()
        self._visits: list[Visit] = []
        self.loop = Loop(self.lanes, self.notes, self._board)  # type: ignore[arg-type]

    def add(self, visit: Visit) -> None:
        number = len(self._visits) + 1
        self._visits.append(visit)
        provider: Any = SimpleNamespace(id=number, name=f"p{number}", max_connections=1)
        task: Any = SimpleNamespace(stream=SimpleNamespace(rank=0))
        self.lanes.push(provider, task)

    def _board(self, served: Any) -> Any:
        visit = self._visits[served.provider.id - 1]
        visit.served = served
        self.lanes.take(served)
        return visit

    def turn_until(self, done: Callable[[], object]) -> None:
        self.loop.turn(0)
        while not done():
            self.loop.turn(60)


@pytest.fixture
def floor() -> Iterator[Floor]:
    made = Floor()
    yield made
    made.loop.close()


def reads(line: Line, heard: list[bytes]) -> Iterator[Any]:
    yield READ
    heard.append(line.near.recv(10))


def test_a_lane_goes_on_when_its_own_socket_is_ready(floor: Floor) -> None:
    lines, heard = [Line(), Line()], [list[bytes](), list[bytes]()]
    for line, words in zip(lines, heard, strict=True):
        floor.add(Visit(reads(line, words), line))
    floor.loop.turn(0)
    lines[1].far.send(b"second")
    floor.turn_until(lambda: heard[1])
    assert (heard, floor.loop.busy) == ([[], [b"second"]], True)
    lines[0].far.send(b"first")
    floor.turn_until(lambda: not floor.loop.busy)
    assert heard == [[b"first"], [b"second"]]
    for line in lines:
        line.close()


def test_all_marks_of_a_turn_share_one_commit_and_each_lane_learns_its_own(floor: Floor) -> None:
    told: dict[str, bool] = {}

    def marks(name: str) -> Iterator[Any]:
        told[name] = yield Mark(name, 1, {})

    for name in ("a", "b", "c"):
        floor.add(Visit(marks(name)))
    floor.notes.refused = {"b"}
    floor.turn_until(lambda: not floor.loop.busy)
    assert [sorted(commit) for commit in floor.notes.commits] == [["a", "b", "c"]]
    assert told == {"a": True, "b": False, "c": True}


def test_marks_whose_commit_meets_a_defect_are_not_on_disk(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    told: list[bool] = []

    def marks() -> Iterator[Any]:
        told.append((yield Mark("a", 1, {})))

    def broken(_: Sequence[Mark]) -> None:
        raise RuntimeError("a defect")

    floor.notes.commit = broken  # type: ignore[method-assign]
    floor.add(Visit(marks()))
    floor.turn_until(lambda: not floor.loop.busy)
    assert told == [False]
    assert "met a defect" in caplog.text


def test_a_lane_that_breaks_ends_alone(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    line, heard = Line(), list[bytes]()

    def breaks() -> Iterator[Any]:
        yield Mark("a", 1, {})
        raise RuntimeError("a defect")

    floor.add(Visit(breaks()))
    floor.add(Visit(reads(line, heard), line))
    line.far.send(b"hello")
    floor.turn_until(lambda: not floor.loop.busy)
    assert heard == [b"hello"]
    assert "stopped serving p1" in caplog.text
    line.close()


def test_a_passed_deadline_is_thrown_into_the_lane_that_waits(floor: Floor) -> None:
    line, met = Line(deadline=0.0), list[str]()

    def waits() -> Iterator[Any]:
        try:
            yield READ
        except WireFault as error:
            met.append(error.reply.text)

    floor.add(Visit(waits(), line))
    floor.turn_until(lambda: not floor.loop.busy)
    assert met == ["Timeout"]
    line.close()


@pytest.mark.parametrize("fails", [False, True])
def test_a_session_is_opened_in_a_thread_while_the_others_go_on(floor: Floor, fails: bool) -> None:
    line, heard, got, go = Line(), list[bytes](), list[Any](), threading.Event()

    def open_session() -> str:
        go.wait()
        if fails:
            raise fault(Stage.CONNECT, "refused")
        return "a session"

    def dials() -> Iterator[Any]:
        try:
            got.append((yield SimpleNamespace(open=open_session)))
        except WireFault as error:
            got.append(error.reply.text)

    floor.add(Visit(dials()))
    floor.add(Visit(reads(line, heard), line))
    line.far.send(b"hello")
    floor.turn_until(lambda: heard)
    assert got == []
    go.set()
    floor.turn_until(lambda: got)
    assert got == ["refused" if fails else "a session"]
    line.close()


def test_a_session_that_opens_after_the_end_is_closed() -> None:
    floor, go, closed = Floor(), threading.Event(), threading.Event()

    def open_session() -> Any:
        go.wait()
        return SimpleNamespace(close=closed.set)

    def dials() -> Iterator[Any]:
        yield SimpleNamespace(open=open_session)

    floor.add(Visit(dials()))
    floor.loop.turn(0)
    floor.loop.close()
    go.set()
    assert closed.wait(60)


def test_another_thread_ends_the_wait_and_may_do_so_after_the_end(floor: Floor) -> None:
    waker = threading.Timer(0.1, floor.loop.wake)
    waker.start()
    floor.loop.turn(3600)
    waker.join()
    for _ in range(100_000):
        # More than the pipe holds: a wake-up that cannot be written is there already.
        floor.loop.wake()
    floor.loop.turn(0)
    other = Floor()
    other.loop.close()
    other.loop.wake()
