"""Slowing down guesses: by address and by account, in Redis, or in this process while Redis is away.

A browser that has signed in to the account before has a count of its own (a device cookie, as OWASP's authentication
cheat sheet describes it): strangers who guess from anywhere slow each other down and never the owner.
"""

import hashlib
import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

#: The window in seconds, and the guesses in it: by one address, at one account by all unknown browsers together,
#: and by one known browser.
WINDOW = 900
_PER_ADDRESS = 30
_PER_ACCOUNT = 20
_PER_PAIR = 8
_PER_DEVICE = 10
#: Counters kept in this process while Redis is away; more than these are forgotten together.
_MOST_LOCAL = 10_000

_local: dict[str, list[float]] = {}


def wait_needed(redis: "Redis", account: str, address: str | None, device: str | None) -> bool:
    """True when this guess must not be looked at; each call counts. ``device`` names a browser known to the account."""
    if device is not None:
        return _count(redis, f"device:{_short(account, device)}") > _PER_DEVICE
    # In this order: one address that is over its own count does not use up the account's.
    limits = {
        f"pair:{_short(account, str(address))}": _PER_PAIR,
        f"address:{address}": _PER_ADDRESS,
        f"account:{_short(account)}": _PER_ACCOUNT,
    }
    return any(_count(redis, key) > most for key, most in limits.items())


def _short(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).lower().encode()).hexdigest()[:24]


def _count(redis: "Redis", name: str) -> int:
    key = f"senddock:login:{name}"
    try:
        pipe = redis.pipeline()
        # Not EXPIRE … NX: the bundled Redis is 6.2, which does not know it.
        pipe.set(key, 0, nx=True, ex=WINDOW)
        pipe.incr(key)
        return int(pipe.execute()[1])
    except RedisError:
        now = time.monotonic()
        if len(_local) > _MOST_LOCAL:
            _local.clear()
        kept = [moment for moment in _local.get(key, []) if now - moment < WINDOW]
        _local[key] = [*kept, now]
        return len(_local[key])
