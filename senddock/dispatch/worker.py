"""The worker process: RQ's loop around one engine."""

import gc
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from senddock.dispatch.engine import Engine
from senddock.dispatch.jobs import WorkerProcess, equip
from senddock.dispatch.wake import QUEUE, Waker

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)


class _Worker(SimpleWorker):
    """Jobs run in this process, because sessions, breakers and the recorder live longer than a job."""

    # The engine's threads must not be interrupted by an alarm in the middle of a commit.
    death_penalty_class = TimerDeathPenalty
    on_stop: Callable[[], None] | None = None

    def handle_warm_shutdown_request(self) -> None:
        """SIGTERM during a drain: claim nothing more, let the lanes finish what is on the wire."""
        if self.on_stop is not None:
            self.on_stop()


def calm_collector() -> None:
    """Once a worker is put together: nothing of it becomes garbage, and a message is made of some hundred objects that
    die by themselves, so that looking for cycles every 700 objects took a twentieth of a worker's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def run(engine: Engine, redis: "Redis", test: Callable[[str], None], *, burst: bool = False) -> None:
    """Work until SIGTERM or SIGINT; then finish the transactions on the wire and give the rest back."""
    calm_collector()
    queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
    waker = Waker(redis)
    equip(WorkerProcess(engine, waker, redis, test))
    worker = _Worker([queue], connection=redis, serializer=JSONSerializer)
    worker.on_stop = engine.request_stop
    # Mail that came while no worker ran waits already.
    waker()
    try:
        worker.work(with_scheduler=False, burst=burst, logging_level="WARNING")
    finally:
        engine.stop()
        equip(None)
