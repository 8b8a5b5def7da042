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

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.refused: set[str] = set()
        #: Seconds for which an outcome still waits for marks; ``None`` when there is no outcome.
        self.outcome: float | None = None

    @property
    def waiting(self) -> bool:
        return self.outcome is not None

    def due(self) -> bool:
        return self.waiting

    def patience(self) -> float | None:
        return self.outcome

    def commit(self, marks: Sequence[Mark]) -> None:
        self.outcome = None
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
        mark = Mark(name, 1, {})
        yield [mark]
        told[name] = mark.committed

    for name in ("a", "b", "c"):
        floor.add(Visit(marks(name)))
    floor.notes.refused = {"b"}
    floor.turn_until(lambda: not floor.loop.busy)
    assert [sorted(commit) for commit in floor.notes.commits] == [["a", "b", "c"]]
    assert told == {"a": True, "b": False, "c": True}


def one_after_the_other(floor: Floor, *rounds: str) -> list[Line]:
    """Two lanes that want a mark in each round; the second hears from its server while the first asks for its own."""
    first, second = Line(), Line()

    def leads() -> Iterator[Any]:
        for name in rounds:
            yield READ
            first.near.recv(1)
            second.far.send(b".")
            yield [Mark(f"first {name}", 1, {})]

    def follows() -> Iterator[Any]:
        for name in rounds:
            yield READ
            second.near.recv(1)
            yield [Mark(f"second {name}", 1, {})]

    floor.add(Visit(leads(), first))
    floor.add(Visit(follows(), second))
    first.far.send(b"." * len(rounds))
    return [first, second]


def test_marks_wait_a_moment_for_those_of_lanes_whose_servers_answer_at_once(floor: Floor) -> None:
    lines = one_after_the_other(floor, "a", "b")
    floor.turn_until(lambda: not floor.loop.busy)
    assert [sorted(commit) for commit in floor.notes.commits] == [["first a", "second a"], ["first b", "second b"]]
    for line in lines:
        line.close()


def test_marks_do_not_wait_again_where_nothing_came_the_last_time(floor: Floor) -> None:
    silent = Line()
    floor.add(Visit((wanted for wanted in [READ]), silent))
    floor.add(Visit(wanted for wanted in [[Mark("alone", 1, {})]]))
    floor.turn_until(lambda: floor.notes.commits)
    lines = one_after_the_other(floor, "a")
    floor.turn_until(lambda: len(floor.notes.commits) == 3)
    assert floor.notes.commits == [["alone"], ["first a"], ["second a"]]
    for line in (silent, *lines):
        line.close()


def test_an_outcome_alone_is_committed_when_it_has_waited_long_enough_for_marks(floor: Floor) -> None:
    line, heard = Line(), list[bytes]()
    floor.add(Visit(reads(line, heard), line))
    floor.notes.outcome = 0.001
    floor.loop.turn(0)
    assert floor.notes.commits == []
    floor.notes.outcome = 0.0
    floor.loop.turn(0)
    assert floor.notes.commits == [[]]
    line.close()


def test_an_outcome_is_committed_at_once_when_no_lane_is_under_way(floor: Floor) -> None:
    floor.notes.outcome = 60.0
    floor.loop.turn(0)
    assert floor.notes.commits == [[]]


def test_marks_whose_commit_meets_a_defect_are_not_on_disk(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    told: list[bool] = []

    def marks() -> Iterator[Any]:
        mark = Mark("a", 1, {})
        yield [mark]
        told.append(mark.committed)

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
        yield [Mark("a", 1, {})]
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
