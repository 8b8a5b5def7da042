"""Work on a connection that pauses where it would have to wait, so that one thread can drive many connections.

Each step is a generator: it yields `READ` or `WRITE` when the socket is not ready, is resumed when it is, and gets the
`WireFault` of a passed deadline thrown in. `complete` drives one to its end where a thread has only one connection.
"""

import select
import selectors
import time
from collections.abc import Generator
from typing import Protocol, TypeVar

from senddock.smtp.fault import WireFault

#: The socket has to become readable (writable) before the work can go on.
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_T = TypeVar("_T")
Steps = Generator[int, None, _T]


class Waiting(Protocol):
    """What can be waited for: a connection with a deadline for its present stage."""

    #: Monotonic seconds.
    deadline: float

    def fileno(self) -> int:
        """Descriptor of the socket."""

    def overdue(self) -> WireFault:
        """The fault of a stage that took too long."""


def complete(connection: Waiting, steps: Steps[_T]) -> _T:
    """Run ``steps`` to their end and answer what they return; raises what they raise."""
    try:
        wanted = next(steps)
        while True:
            wanted = next(steps) if _ready(connection, wanted) else steps.throw(connection.overdue())
    except StopIteration as done:
        value: _T = done.value
        return value


def _ready(connection: Waiting, wanted: int) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN if wanted == READ else select.POLLOUT)
    left = connection.deadline - time.monotonic()
    return left > 0 and bool(poll.poll(left * 1000))
