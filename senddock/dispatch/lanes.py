"""Lanes: each carries transactions over one open session at a time; here is which provider a free lane serves next.

Messages wait in one queue a provider, transactional ones before the others. A provider whose sessions are not known to
open is tried by one lane only (the pathfinder), so a blackholed host costs one lane one time-out and not all lanes theirs.
"""

import time
from collections import deque
from dataclasses import dataclass, field

from senddock.dispatch.task import Task
from senddock.models import Provider

#: Sessions to one provider from one worker where the provider names no limit of its own.
DEFAULT_CONNECTIONS = 20


@dataclass(slots=True)
class ProviderQueue:
    """Tasks that wait for one provider, and the lanes that serve it."""

    provider: Provider
    urgent: deque[Task] = field(default_factory=deque)
    others: deque[Task] = field(default_factory=deque)
    serving: int = 0
    #: A session has been opened lately, so others may be opened beside it.
    warm: bool = False
    opening: bool = False
    #: The server of the session that is being opened has greeted, and asks for no sign-in that could be refused.
    greeted: bool = False
    #: Monotonic time until which no further connection is asked for: all that the provider allows are in use.
    full_until: float = 0.0

    def __len__(self) -> int:
        return len(self.urgent) + len(self.others)

    def add(self, task: Task, *, first: bool) -> None:
        """Queue ``task`` behind the others of its kind, or before them."""
        queue = self.urgent if task.stream.rank == 0 else self.others
        if first:
            queue.appendleft(task)
        else:
            queue.append(task)

    def pop(self) -> Task | None:
        """The next task, or ``None``."""
        if self.urgent:
            return self.urgent.popleft()
        return self.others.popleft() if self.others else None

    def clear(self) -> list[Task]:
        """Take out all tasks."""
        waiting = [*self.urgent, *self.others]
        self.urgent.clear()
        self.others.clear()
        return waiting

    def open_to_another(self, connections: int) -> bool:
        """True when one more lane may serve this provider."""
        if not len(self) or self.serving >= connections or (self.serving and time.monotonic() < self.full_until):
            return False
        return self.warm or self.greeted or not self.opening


class Lanes:
    """The lanes of one worker and the queues they serve; used by the engine's thread only."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._queues: dict[int, ProviderQueue] = {}
        #: Tasks that were placed and are not settled yet.
        self.outstanding = 0
        #: No further transaction is begun.
        self.stopping = False

    def push(self, provider: Provider, task: Task, *, first: bool = False) -> None:
        """Queue ``task`` for ``provider``; ``first`` puts it before the others (a message that was waiting longer)."""
        known = self._queues.get(provider.id)
        if known is None:
            known = self._queues[provider.id] = ProviderQueue(provider)
        known.provider = provider
        known.add(task, first=first)

    def take(self, served: ProviderQueue) -> Task | None:
        """The next task for a lane that serves ``served``; ``None`` when there is none or the worker stops."""
        return None if self.stopping else served.pop()

    def entered(self, count: int = 1) -> None:
        """``count`` messages were claimed."""
        self.outstanding += count

    def left(self) -> None:
        """One message was settled."""
        self.outstanding -= 1

    def began(self, served: ProviderQueue) -> None:
        """A lane goes to ``served``."""
        served.serving += 1
        if not served.warm:
            served.opening = True

    def ended(self, served: ProviderQueue) -> None:
        """A lane has left ``served``."""
        served.serving -= 1
        if served.serving == 0:
            # Without an open session nothing is known any more about whether the next one opens.
            served.opening = served.greeted = False

    def greeted(self, served: ProviderQueue) -> None:
        """The provider is reachable and speaks SMTP: others may be opened while this session is being made ready.

        The one method that other threads may call: they open the sessions.
        """
        served.greeted = True

    def warmed(self, served: ProviderQueue) -> None:
        """A session to this provider has opened: others may be opened beside it."""
        served.warm, served.opening = True, False

    def cooled(self, served: ProviderQueue) -> list[Task]:
        """A session could not be opened: one lane at a time from now on. Answers the tasks to be planned anew."""
        served.warm = served.opening = served.greeted = False
        return served.clear()

    def crowded(self, served: ProviderQueue) -> bool:
        """The provider takes no further connection; True when another lane has one and carries on."""
        served.full_until = time.monotonic() + 1.0
        return served.serving > 1

    def stop(self) -> list[Task]:
        """Begin nothing more; answers the tasks that were not begun."""
        self.stopping = True
        return [task for known in self._queues.values() for task in known.clear()]

    def next(self) -> ProviderQueue | None:
        """The provider that a free lane should serve."""
        if self.stopping:
            return None
        for known in self._queues.values():
            # How many of them all workers together may use is counted where the connection is opened.
            if known.open_to_another(known.provider.max_connections or DEFAULT_CONNECTIONS):
                return known
        return None
