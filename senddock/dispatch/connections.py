"""Open connections to a provider, counted over all workers: each holds a lease in Redis that has to be renewed.

The leases of a killed worker end by themselves; an emptied Redis learns them again with the next renewal.
"""

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

_RENEW = """
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], ends, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[1]) * 2)
return redis.call('EXISTS', KEYS[2])
"""


class Connections:
    """The leases this worker holds."""

    #: How long a lease lasts without being renewed, in milliseconds.
    life_ms = 15_000

    def __init__(self, redis: "Redis | None") -> None:
        self._redis = redis
        self._renew: Any = redis.register_script(_RENEW) if redis is not None else None
        self._lock = threading.Lock()
        self._leases: dict[str, int] = {}

    @staticmethod
    def key(provider_id: int) -> str:
        """Where the leases of a provider are kept."""
        return f"senddock:connections:{provider_id}"

    def hold(self, lease: str, provider_id: int) -> None:
        """``lease`` was granted to this worker."""
        with self._lock:
            self._leases[lease] = provider_id

    def held(self, provider_id: int) -> int:
        """How many this worker holds."""
        with self._lock:
            return Counter(self._leases.values())[provider_id]

    def release(self, lease: str) -> None:
        """The connection is closed, or was never opened."""
        with self._lock:
            provider_id = self._leases.pop(lease, None)
        if provider_id is None or self._redis is None:
            return
        try:
            self._redis.zrem(self.key(provider_id), lease)
        except RedisError as error:
            log.warning("a connection's lease ends by itself: %s", error)

    def want(self, provider_id: int) -> None:
        """All connections are in use: whoever keeps one idle is asked to close it."""
        if self._redis is None:
            return
        try:
            self._redis.set(_wanted(provider_id), "1", px=3000)
        except RedisError as error:
            log.warning("other workers keep their idle connections: %s", error)

    def renew(self) -> frozenset[int]:
        """Say that the connections are still open; answers the providers whose idle ones somebody else needs."""
        with self._lock:
            leases = dict(self._leases)
        wanted = set()
        for provider_id in set(leases.values()):
            mine = [lease for lease, owner in leases.items() if owner == provider_id]
            try:
                if self._renew is not None and self._renew(
                    keys=[self.key(provider_id), _wanted(provider_id)], args=[self.life_ms, *mine]
                ):
                    wanted.add(provider_id)
            except RedisError as error:
                log.warning("leases of connections could not be renewed: %s", error)
        return frozenset(wanted)


def _wanted(provider_id: int) -> str:
    return f"senddock:connections:{provider_id}:wanted"
