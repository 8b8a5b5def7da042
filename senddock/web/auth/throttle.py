"""Slowing down guesses: by account and by address, in Redis, or in this process while Redis is away."""

import hashlib
import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

#: Guesses by one address, and at one account from one address, in the window (seconds). An owner signed in elsewhere
#: is not touched: only this address waits.
_WINDOW = 900
_PER_ADDRESS = 30
_PER_PAIR = 8

_local: dict[str, list[float]] = {}


def wait_needed(redis: "Redis", email: str, address: str | None) -> bool:
    """True when this guess must not be looked at; each call counts."""
    pair = hashlib.sha256(f"{email.lower()}|{address}".encode()).hexdigest()[:24]
    return any(
        _count(redis, key) > most
        for key, most in ((f"senddock:login:{address}", _PER_ADDRESS), (f"senddock:login:{pair}", _PER_PAIR))
    )


def _count(redis: "Redis", key: str) -> int:
    try:
        pipe = redis.pipeline()
        pipe.incr(key)
        pipe.expire(key, _WINDOW, nx=True)
        return int(pipe.execute()[0])
    except RedisError:
        now = time.monotonic()
        kept = [moment for moment in _local.get(key, []) if now - moment < _WINDOW]
        _local[key] = [*kept, now]
        return len(_local[key])
