"""Waking workers: at most one job waits in the queue at a time, and a lost wake-up costs a second, not a message."""

import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

QUEUE = "senddock"
#: Set while a drain job waits in the queue; expires by itself so that a lost job does not silence the doors.
PENDING = "senddock:wake-pending"
_PENDING_MS = 3000


class Waker:
    """Puts one drain job into RQ's queue unless one is waiting there already."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._silent = False

    def __call__(self) -> None:
        """Wake a worker. Never raises: mail is on disk, and the clock finds it without Redis too."""
        try:
            if not self._redis.set(PENDING, "1", nx=True, px=_PENDING_MS):
                return
            self._enqueue("senddock.dispatch.jobs.drain")
        except RedisError as error:
            if not self._silent:
                log.warning("Redis does not answer (%s): mail waits for the clock, at most a second longer", error)
            self._silent = True
        else:
            self._silent = False

    def enqueue_test(self, test_id: str) -> None:
        """Queue one run of Test Connection. Raises ``RedisError`` when it cannot be queued."""
        self._enqueue("senddock.dispatch.jobs.test_connection", test_id, at_front=True)

    def _enqueue(self, function: str, *arguments: str, at_front: bool = False) -> None:
        # RQ is imported here: the doors wake workers and must not carry the worker's half of the library before that.
        from rq import Queue
        from rq.serializers import JSONSerializer

        queue = Queue(QUEUE, connection=self._redis, serializer=JSONSerializer)
        queue.enqueue(function, *arguments, job_timeout=900, result_ttl=0, failure_ttl=3600, at_front=at_front, ttl=600)


def wakened(redis: "Redis") -> None:
    """Called by a drain before its first claim: whatever is submitted from here on needs a wake-up of its own."""
    try:
        redis.delete(PENDING)
    except RedisError as error:
        log.warning("Redis does not answer: %s", error)
