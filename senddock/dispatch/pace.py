"""Taking from the providers' limits: one Redis call for all limits of a provider and its connections, all or nothing.

Taken by a lane when its transaction begins, so that the wire sees what was counted. Without Redis the limits do not open:
each worker then keeps to a local share of each limit, slower than allowed but never faster, and looks in the attempts for
what is used up.
"""

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from senddock.dispatch.connections import Connections
from senddock.dispatch.counters import Counters, key_of
from senddock.dispatch.slowdowns import Slowdowns
from senddock.domain.pacing import Limit, limits_of, reserved
from senddock.models import Database, Provider, StorageUnavailable

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: Without Redis, limits of this many seconds and longer are counted from the attempts.
_COUNTED = 60
#: Seconds between a grant and the attempt's row, mostly far fewer.
_BEGUN_BEFORE = 600
#: More than any claim asks for.
PLENTY = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Grant:
    """One message's worth of a provider's limits; given back when it was not used."""

    #: Redis key and slice for each limit.
    counted: tuple[tuple[str, str], ...] = ()
    #: The connection that may be opened for it, if one was asked for.
    lease: str | None = None


#: For a provider without limits.
_NOTHING = Grant()
_NO_RATES = (None,) * 5


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A limit has nothing left."""

    #: Until it may have again.
    seconds: float
    #: Name of the limit; ``connections`` when all of them are in use.
    limit: str

    @property
    def why(self) -> str:
        """In words, for the log."""
        if self.limit == "connections":
            return "all its connections are in use"
        if self.limit == "slowed":
            return "slowed down: it said that mail comes too fast"
        return f"limit per {self.limit} is used up"


class Pace:
    """The limits of all providers, shared by all workers."""

    def __init__(self, database: Database, redis: "Redis | None", *, workers: int = 2) -> None:
        self._workers = max(1, workers)
        self.slowdowns = Slowdowns(database)
        self.connections = Connections(redis)
        self._counters = Counters(database, redis)
        self._script: Any = None
        self._give_back: Any = None
        if redis is not None:
            here = resources.files("senddock.dispatch")
            self._script = redis.register_script(here.joinpath("pace.lua").read_text())
            self._give_back = redis.register_script(here.joinpath("give_back.lua").read_text())
        self._local: dict[tuple[int, str], float] = {}
        self._lock = threading.Lock()
        #: When Redis did not answer for the first time, while it does not.
        self._alone: datetime | None = None
        #: Monotonic time of its last answer.
        self._answered: float | None = None
        #: What the attempts say of a provider's limit: monotonic time until which that is used, and the number.
        self._used: dict[tuple[int, str, int], tuple[float, int]] = {}

    def take(
        self, provider: Provider, *, transactional: bool, now: datetime, connection: bool = False, messages: int = 1
    ) -> Grant | Exhausted:
        """Take one message's worth and, with ``connection``, leave to open one more connection.

        ``messages`` 0 takes the connection alone.
        """
        limits = self._limits(provider, transactional=transactional, now=now) if messages else []
        allowed = provider.max_connections if connection and provider.max_connections else 0
        if not limits and not allowed:
            return _NOTHING
        lease = uuid.uuid4().hex if allowed else None
        answer = self._ask(provider, limits, now, messages=messages, allowed=allowed, lease=lease)
        if answer is None:
            return self._take_local(provider, limits, allowed, lease, now)
        if answer[0] != 0:
            return self._exhausted(provider, limits, answer)
        if lease is not None:
            self.connections.hold(lease, provider.id)
        slices = [part.decode() if isinstance(part, bytes) else str(part) for part in answer[2:]]
        keys = [key_of(provider.id, limit) for limit in limits]
        return Grant(tuple(zip(keys, slices, strict=True)), lease)

    def room(self, provider: Provider, *, transactional: bool, now: datetime) -> int | Exhausted:
        """How many messages could be taken just now; takes nothing."""
        limits = self._limits(provider, transactional=transactional, now=now)
        if not limits:
            return PLENTY
        answer = self._ask(provider, limits, now, messages=1, looking=True)
        if answer is None:
            late = self._local_wait(provider, limits, now)
            return Exhausted(*late) if late[0] > 0 else 1
        return int(answer[1]) if answer[0] == 0 else self._exhausted(provider, limits, answer)

    def give_back(self, grant: Grant) -> None:
        """Nothing was sent for ``grant``: the next message may have it."""
        if grant.lease is not None:
            self.connections.release(grant.lease)
        if not grant.counted or self._give_back is None:
            return
        try:
            self._give_back(keys=[key for key, _ in grant.counted], args=[at for _, at in grant.counted])
        except RedisError as error:
            log.warning("what was not used of a limit stays counted: %s", error)

    def slow_down(self, provider: Provider, now: datetime) -> None:
        """The provider said "too fast": halve its pace."""
        rates = [limit.amount / limit.seconds for limit in _limits_of(provider, now) if limit.seconds <= 60]
        self.slowdowns.note(provider, min(rates, default=None), now)

    def _limits(self, provider: Provider, *, transactional: bool, now: datetime) -> list[Limit]:
        own = _limits_of(provider, now)
        limits = own and reserved(own, transactional=transactional, reserve_percent=provider.transactional_reserve)
        slow = self.slowdowns.of(provider.id)
        slow_limit = slow.limit(now) if slow is not None else None
        return [*limits, slow_limit] if slow_limit is not None else limits

    def _ask(
        self,
        provider: Provider,
        limits: Sequence[Limit],
        now: datetime,
        *,
        messages: int,
        looking: bool = False,
        allowed: int = 0,
        lease: str | None = None,
    ) -> list[Any] | None:
        """The script's answer, or ``None`` without Redis."""
        if self._script is None:
            return None
        arguments: list[int | str] = [int(now.timestamp() * 1000), messages, int(looking)]
        arguments += [allowed, lease or "", self.connections.life_ms]
        for limit in limits:
            period = -1 if limit.period_start is None else limit.period_start * 1000
            arguments += [limit.amount, limit.seconds * 1000, limit.slice_ms(), period]
        keys = [self.connections.key(provider.id), *(key_of(provider.id, limit) for limit in limits)]
        try:
            self._counters.rebuild_when_lost(_limits_of, now, self._alone)
            answer: list[Any] = self._script(keys=keys, args=arguments)
        except (RedisError, StorageUnavailable) as error:
            if self._alone is None:
                log.warning("limits are kept by each worker for itself while Redis is away: %s", error)
                # What was granted just before has not begun yet, and its attempts are written after their end.
                self._alone = now - timedelta(seconds=_BEGUN_BEFORE)
            return None
        self._alone, self._answered = None, time.monotonic()
        return answer

    def _exhausted(self, provider: Provider, limits: Sequence[Limit], answer: Sequence[Any]) -> Exhausted:
        wait, index = int(answer[0]), int(answer[1])
        if index == 0:
            self.connections.want(provider.id)
            return Exhausted(wait / 1000, "connections")
        return Exhausted(wait / 1000, limits[index - 1].name)

    def _take_local(
        self, provider: Provider, limits: Sequence[Limit], allowed: int, lease: str | None, now: datetime
    ) -> Grant | Exhausted:
        # Asked before the lock is taken: within it, what the database has said is known.
        self._local_wait(provider, limits, now)
        # Evenly spaced over each window and divided among the workers: no window can hold more than its amount.
        with self._lock:
            if allowed and self.connections.held(provider.id) >= max(1, allowed // self._workers):
                return Exhausted(1.0, "connections")
            late = self._local_wait(provider, limits, now)
            if late[0] > 0:
                return Exhausted(*late)
            clock = time.monotonic()
            for limit in limits:
                self._local[provider.id, limit.name] = clock + limit.seconds * self._workers / max(1, limit.amount)
                key = provider.id, limit.name, limit.amount
                if key in self._used:
                    until, used = self._used[key]
                    self._used[key] = until, used + 1
            if lease is not None:
                self.connections.hold(lease, provider.id)
        return Grant(lease=lease)

    def _local_wait(self, provider: Provider, limits: Sequence[Limit], now: datetime) -> tuple[float, str]:
        clock = time.monotonic()
        waits = [(0.0, "")]
        for limit in limits:
            free = self._local.get((provider.id, limit.name), 0.0)
            if limit.seconds < _COUNTED:
                # What Redis has granted of this window is gone with the window.
                free = max(free, self._answered + limit.seconds if self._answered is not None else 0.0)
            elif self._used_up(provider.id, limit, now, clock):
                free = max(free, clock + max(1.0, limit.slice_ms() / 1000))
            waits.append((free - clock, limit.name))
        return max(waits)

    def _used_up(self, provider_id: int, limit: Limit, now: datetime, clock: float) -> bool:
        """True when the attempts of all workers have used the limit up."""
        key = provider_id, limit.name, limit.amount
        known = self._used.get(key)
        if known is None or known[0] <= clock:
            try:
                used = self._counters.used(provider_id, limit, now)
            except StorageUnavailable as error:
                log.warning("what is used of limits is not known: %s", error)
                return True
            known = self._used[key] = clock + min(30.0, limit.slice_ms() / 1000), used
        return known[1] >= limit.amount


def _limits_of(provider: Provider, now: datetime) -> list[Limit]:
    # Most have none, and it is asked for each message.
    rates = (provider.per_second, provider.per_minute, provider.per_hour, provider.per_day, provider.per_month)
    if rates == _NO_RATES:
        return []
    return limits_of(
        per_second=provider.per_second,
        per_minute=provider.per_minute,
        per_hour=provider.per_hour,
        per_day=provider.per_day,
        per_month=provider.per_month,
        now=now,
        day_reset_hour=provider.day_reset_hour,
        day_zone=provider.day_zone,
    )
