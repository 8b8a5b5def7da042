"""The worker process: RQ's loop around one engine."""

import logging
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from senddock.dispatch.collector import calm_collector
from senddock.dispatch.engine import Engine
from senddock.dispatch.jobs import WorkerProcess, equip
from senddock.dispatch.lookout import Lookout
from senddock.dispatch.wake import QUEUE, Waker

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: Seconds between two tries to reach Redis before the job loop begins.
_PAUSE = 0.1
#: RQ waits 15 seconds less than this for a job, then asks again: a connection that died without a word (another machine's
#: power, a network that drops packets) is noticed after that time and not after seven minutes.
_LIFE = 30


class _Worker(SimpleWorker):
    """Jobs run in this process, because sessions, breakers and the recorder live longer than a job."""

    # The engine's threads must not be interrupted by an alarm in the middle of a commit.
    death_penalty_class = TimerDeathPenalty
    # Redis that is back is noticed at once; RQ would wait for up to a minute.
    max_connection_wait_time = 1.0
    on_stop: Callable[[], None] | None = None

    def _set_connection(self, connection: "Redis") -> "Redis":
        """RQ would let every question wait as long as the one for a job; the client knows which may."""
        return connection

    def subscribe(self) -> None:
        """Nobody sends orders to workers through Redis: no connection and no thread waits for them."""

    def handle_warm_shutdown_request(self) -> None:
        """SIGTERM during a drain: claim nothing more, let the lanes finish what is on the wire."""
        if self.on_stop is not None:
            self.on_stop()

    def request_force_stop(self, signum: int, frame: object) -> None:
        """A second SIGTERM: RQ would leave at once, in the middle of what the first one lets finish."""
        log.info("stopping already: what is on the wire is being finished")


def run(engine: Engine, redis: "Redis", test: Callable[[str], None], *, burst: bool = False) -> None:
    """Work until SIGTERM or SIGINT; then finish the transactions on the wire and give the rest back.

    Without Redis nobody can wake this worker: it looks for due mail by itself until Redis is back.
    """
    stopping = threading.Event()

    def stop(*_: object) -> None:
        stopping.set()
        engine.request_stop()

    # A message is made of some hundred objects that die by themselves.
    calm_collector(20_000)
    waker = Waker(redis)
    equip(WorkerProcess(engine, waker, redis, test))
    lookout = Lookout(redis, engine.drain)
    lookout.start()
    try:
        while not stopping.is_set():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, stop)
            while not stopping.is_set() and not lookout.answers():
                stopping.wait(_PAUSE)
            if not stopping.is_set():
                _work(redis, waker, stop, burst=burst)
            if burst or lookout.answers():
                # It was told to stop, or has met a defect: the supervisor starts another one.
                return
    finally:
        lookout.stop()
        engine.stop()
        equip(None)


def _work(redis: "Redis", waker: Waker, stop: Callable[[], None], *, burst: bool) -> None:
    """RQ's loop, until it is told to stop or Redis is gone."""
    try:
        queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
        worker = _Worker([queue], connection=redis, serializer=JSONSerializer, worker_ttl=_LIFE)
        worker.on_stop = stop
        # Mail that came while no worker ran waits already.
        waker()
        worker.work(with_scheduler=False, burst=burst, logging_level="WARNING")
    except RedisError as error:
        log.warning("the job loop ended: %s", error)
