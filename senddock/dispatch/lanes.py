"""Lanes: threads that carry transactions, each over one open session at a time.

Messages wait in one queue a provider. A provider whose sessions are not known to open is tried by one lane only (the
pathfinder), so a blackholed host costs one lane one time-out and not all lanes theirs.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from senddock.dispatch.task import Task
from senddock.models import Provider

log = logging.getLogger(__name__)

#: Sessions to one provider from one worker where the provider names no limit of its own.
DEFAULT_CONNECTIONS = 20


@dataclass(slots=True)
class ProviderQueue:
    """Tasks that wait for one provider, and the lanes that serve it."""

    provider: Provider
    tasks: deque[Task] = field(default_factory=deque)
    serving: int = 0
    #: A session has been opened lately, so others may be opened beside it.
    warm: bool = False
    opening: bool = False

    def open_to_another(self, connections: int) -> bool:
        """True when one more lane may serve this provider."""
        if not self.tasks or self.serving >= connections:
            return False
        return self.warm or not self.opening


class Lanes:
    """The lanes of one worker and the queues they serve."""

    def __init__(self, count: int, serve: Callable[[ProviderQueue], None], *, workers: int = 1) -> None:
        """``serve`` is called in a lane with a queue that has work; ``workers`` shares a provider's connections."""
        self._serve = serve
        self._workers = max(1, workers)
        self._queues: dict[int, ProviderQueue] = {}
        self._changed = threading.Condition()
        self._stopping = False
        #: Tasks that were placed and are not settled yet.
        self.outstanding = 0
        self._threads = [threading.Thread(target=self._run, name=f"lane-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def push(self, provider: Provider, task: Task, *, first: bool = False) -> None:
        """Queue ``task`` for ``provider``; ``first`` puts it before the others (a message that was waiting longer)."""
        with self._changed:
            known = self._queues.get(provider.id)
            if known is None:
                known = self._queues[provider.id] = ProviderQueue(provider)
            known.provider = provider
            if first:
                known.tasks.appendleft(task)
            else:
                known.tasks.append(task)
            self._changed.notify()

    def take(self, served: ProviderQueue) -> Task | None:
        """The next task for a lane that serves ``served``; ``None`` when there is none or the worker stops."""
        with self._changed:
            return served.tasks.popleft() if served.tasks and not self._stopping else None

    def entered(self, count: int = 1) -> None:
        """``count`` messages were claimed."""
        with self._changed:
            self.outstanding += count

    def left(self) -> None:
        """One message was settled."""
        with self._changed:
            self.outstanding -= 1
            self._changed.notify_all()

    def warmed(self, served: ProviderQueue) -> None:
        """A session to this provider has opened: others may be opened beside it."""
        with self._changed:
            served.warm, served.opening = True, False
            self._changed.notify_all()

    def cooled(self, served: ProviderQueue) -> list[Task]:
        """A session could not be opened: one lane at a time from now on. Answers the tasks to be planned anew."""
        with self._changed:
            served.warm = served.opening = False
            waiting = list(served.tasks)
            served.tasks.clear()
            return waiting

    def wait_below(self, outstanding: int, timeout: float) -> bool:
        """Wait until fewer than ``outstanding`` messages are under way; False after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self.outstanding >= outstanding and not self._stopping:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def stop(self, timeout: float) -> list[Task]:
        """Let each lane finish the transaction on the wire; answers the tasks that were not begun."""
        with self._changed:
            self._stopping = True
            waiting = [task for known in self._queues.values() for task in known.tasks]
            for known in self._queues.values():
                known.tasks.clear()
            self._changed.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return waiting

    @property
    def stopping(self) -> bool:
        """True once `stop` was called."""
        return self._stopping

    def _run(self) -> None:
        while True:
            with self._changed:
                served = self._next()
                while served is None and not self._stopping:
                    self._changed.wait()
                    served = self._next()
                if served is None or self._stopping:
                    return
                served.serving += 1
                if not served.warm:
                    served.opening = True
            try:
                self._serve(served)
            except Exception:
                # A defect of ours must not take the lane with it; what the lane held is recovered by its lease.
                log.exception("a lane stopped serving %s", served.provider.name)
            with self._changed:
                served.serving -= 1
                if served.serving == 0:
                    # Without an open session nothing is known any more about whether the next one opens.
                    served.opening = False
                self._changed.notify_all()

    def _next(self) -> ProviderQueue | None:
        for known in self._queues.values():
            limit = known.provider.max_connections
            connections = max(1, limit // self._workers) if limit else DEFAULT_CONNECTIONS
            if known.open_to_another(connections):
                return known
        return None
