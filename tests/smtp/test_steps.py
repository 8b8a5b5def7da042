"""Work that pauses at a socket, driven to its end by a thread that has only this connection."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from senddock.domain.reply import Stage
from senddock.smtp.fault import WireFault, fault
from senddock.smtp.steps import READ, WRITE, Steps, complete


class Line:
    """One end of a real socket pair."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.deadline = time.monotonic() + 3600

    def fileno(self) -> int:
        return self.near.fileno()

    def overdue(self) -> WireFault:
        return fault(Stage.DATA, "Timeout")


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.near.close()
    made.far.close()


def test_it_waits_for_what_each_step_wants_and_answers_what_they_return(line: Line) -> None:
    def steps() -> Steps[bytes]:
        yield WRITE
        line.near.send(b"ping")
        yield READ
        return line.near.recv(10)

    def answer() -> None:
        assert line.far.recv(10) == b"ping"
        line.far.send(b"pong")

    peer = threading.Thread(target=answer)
    peer.start()
    assert complete(line, steps()) == b"pong"
    peer.join()


def test_steps_that_never_wait_are_done_at_once(line: Line) -> None:
    def steps() -> Steps[str]:
        return "done"
        yield READ

    assert complete(line, steps()) == "done"


def test_a_passed_deadline_is_thrown_in_where_it_waits(line: Line) -> None:
    line.deadline = 0.0
    seen: list[str] = []

    def steps() -> Steps[None]:
        try:
            yield READ
        except WireFault as error:
            seen.append(error.reply.text)
            raise

    with pytest.raises(WireFault):
        complete(line, steps())
    assert seen == ["Timeout"]


def test_what_the_steps_raise_is_raised(line: Line) -> None:
    def steps() -> Steps[None]:
        yield WRITE
        raise fault(Stage.MAIL, "Connection reset by the server")

    with pytest.raises(WireFault, match="reset"):
        complete(line, steps())
