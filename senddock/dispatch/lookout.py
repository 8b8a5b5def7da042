"""Looking for due mail without being woken: what a worker does while Redis cannot be reached."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: Seconds between two looks, at Redis and, while it is away, at the queue.
_EVERY = 1.0


class Lookout:
    """A thread beside the worker's job loop: the database is the queue, so its mail leaves without a wake-up too."""

    def __init__(self, redis: "Redis", drain: Callable[[], object]) -> None:
        """``drain`` sends everything that is due and returns."""
        self._redis = redis
        self._drain = drain
        self._over = threading.Event()
        self._away = False
        self._thread = threading.Thread(target=self._look, name="lookout", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a drain under way is left to whoever stops the engine."""
        self._over.set()

    def answers(self) -> bool:
        """True when Redis can be reached just now."""
        try:
            self._redis.ping()
        except RedisError as error:
            if not self._away:
                log.warning("Redis cannot be reached (%s): due mail is looked for each second until it is back", error)
            self._away = True
            return False
        if self._away:
            log.info("Redis answers again")
        self._away = False
        return True

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            if not self.answers() and not self._over.is_set():
                self._drain()
