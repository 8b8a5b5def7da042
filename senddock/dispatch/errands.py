"""Errands: jobs that are not mail (looking at DNS, telling webhooks), on a queue of their own.

They are carried out in the clock's process, one after the other, so that a dead endpoint or a silent name server never
takes a worker's time: workers do not even look at this queue.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

QUEUE = "senddock-errands"
#: Seconds between two looks at the queue; a look is one LLEN.
_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Tools:
    """What the errands of this process work with."""

    check_domain: Callable[[str], None]
    deliver_webhooks: Callable[[], object]


_tools: Tools | None = None


def check_domain(name: str) -> None:
    """Job: look a sending domain up and keep the report."""
    _equipped().check_domain(name)


def deliver_webhooks() -> None:
    """Job: send every webhook delivery that is due."""
    _equipped().deliver_webhooks()


def enqueue(redis: "Redis", job: Callable[..., None], *arguments: str) -> None:
    """Queue an errand. Raises ``RedisError``; what it is about is in the database and is found again by the clock."""
    from rq import Queue
    from rq.serializers import JSONSerializer

    queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
    queue.enqueue(job, *arguments, job_timeout=600, result_ttl=0, failure_ttl=3600, ttl=600)


class ErrandWorker:
    """Carries errands out in a thread of this process."""

    def __init__(self, redis: "Redis", tools: Tools) -> None:
        self._redis = redis
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="errands", daemon=True)
        equip(tools)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float = 20.0) -> None:
        """Finish the errand under way, if it ends within ``timeout`` seconds: none is lost when it does not."""
        self._stopping.set()
        self._thread.join(timeout)

    def work(self) -> None:
        """Carry out what waits, then return."""
        from rq import Queue, SimpleWorker
        from rq.serializers import JSONSerializer
        from rq.timeouts import TimerDeathPenalty

        class Worker(SimpleWorker):
            death_penalty_class = TimerDeathPenalty

            def _set_connection(self, connection: "Redis") -> "Redis":
                """The clock's other questions to Redis must not wait as long as RQ would let its own."""
                return connection

            def subscribe(self) -> None:
                """Nobody sends it orders through Redis."""

            def _install_signal_handlers(self) -> None:
                """Signals belong to the process's main thread."""

        queue = Queue(QUEUE, connection=self._redis, serializer=JSONSerializer)
        if queue.count:
            worker = Worker([queue], connection=self._redis, serializer=JSONSerializer)
            worker.work(burst=True, logging_level="WARNING")

    def _run(self) -> None:
        silent = False
        while not self._stopping.is_set():
            try:
                self.work()
                silent = False
            except RedisError as error:
                if not silent:
                    log.warning("errands wait for Redis: %s", error)
                silent = True
            except Exception:
                # One errand's defect must not end the others.
                log.exception("an errand met a defect")
            self._stopping.wait(_LOOK)


def equip(tools: Tools | None) -> None:
    """Give the errands of this process what they need."""
    global _tools  # noqa: PLW0603 - RQ calls functions by name; there is no other way to hand them their tools
    _tools = tools


def _equipped() -> Tools:
    if _tools is None:
        raise RuntimeError("this errand was run outside `senddock clock`")
    return _tools
