"""How many requests a second each key may make, counted together by all processes through Redis.

A message handed over by SMTP counts as one request, for keys that have a limit of their own.

A second is a fixed window of the clock. A process takes shares of a window from Redis, of one request for small limits
and of a fiftieth for large ones, so that a busy key does not cost a round trip a request. Without Redis each process
counts for itself: a limit then holds for the process, and never opens.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from senddock.dispatch.caller import Caller

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: Requests a second of a key that has no limit of its own: more than one machine answers, less than a runaway loop costs.
DEFAULT_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Taken:
    """The outcome for one request."""

    granted: bool
    limit: int
    #: Requests that are left in this window, as far as this process knows.
    remaining: int
    #: Seconds until the next window.
    reset: int = 1


@dataclass(slots=True)
class _Window:
    second: int
    #: Requests granted to this process and not used yet, and what Redis had left after granting them.
    share: int = 0
    left: int = 0
    local: bool = False


class KeyRate:
    """One for each web process, safe to call from many threads."""

    def __init__(self, redis: "Redis | None", clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._windows: dict[int, _Window] = {}
        self._lock = threading.Lock()
        self._silent = False

    def take(self, who: Caller) -> Taken:
        """Count one request. Never raises."""
        limit = who.per_second or DEFAULT_PER_SECOND
        second = int(self._clock())
        with self._lock:
            window = self._windows.get(who.key_id)
            if window is None or window.second != second:
                window = self._windows[who.key_id] = _Window(second, left=limit)
            if window.share == 0 and window.left > 0:
                self._refill(window, who.key_id, limit)
            if window.share == 0:
                return Taken(False, limit, 0)
            window.share -= 1
            return Taken(True, limit, window.share + window.left)

    def _refill(self, window: _Window, key_id: int, limit: int) -> None:
        wanted = max(1, limit // 50)
        if self._redis is not None and not window.local:
            name = f"senddock:rate:{key_id}:{window.second}"
            try:
                with self._redis.pipeline(transaction=False) as pipe:
                    pipe.incrby(name, wanted)
                    pipe.expire(name, 5)
                    used = int(pipe.execute()[0])
            except RedisError as error:
                if not self._silent:
                    log.warning("limits of API keys are counted by each process while Redis is away: %s", error)
                self._silent = window.local = True
            else:
                self._silent = False
                window.share = max(0, min(wanted, limit - (used - wanted)))
                window.left = max(0, limit - used)
                return
        window.share = min(wanted, window.left)
        window.left -= window.share
