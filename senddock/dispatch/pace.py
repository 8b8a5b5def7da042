"""Taking from the providers' limits: one Redis call for all limits of a provider, all or none.

Without Redis the limits do not open: each worker then keeps to a local share of the shortest limit, slower than allowed
but never faster. Counters are rebuilt from the attempts when Redis comes back empty.
"""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from sqlalchemy import func, select

from senddock.domain.pacing import Limit, limits_of, reserved
from senddock.models import Attempt, Database, Provider

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: Present while the counters are complete; its absence means that Redis has lost them.
_BUILT = "senddock:pace:built"


class Pace:
    """The limits of all providers, shared by all workers."""

    def __init__(self, database: Database, redis: "Redis | None", *, workers: int = 2) -> None:
        self._database = database
        self._redis = redis
        self._workers = max(1, workers)
        self._script = (
            redis.register_script(resources.files("senddock.dispatch").joinpath("pace.lua").read_text())
            if redis is not None
            else None
        )
        self._local: dict[tuple[int, str], float] = {}
        self._built_checked = 0.0

    def take(self, provider: Provider, *, transactional: bool, now: datetime) -> tuple[float, str] | None:
        """Take one message's worth. ``None`` when granted, otherwise seconds to wait and the name of the limit."""
        limits = reserved(
            _limits(provider, now), transactional=transactional, reserve_percent=provider.transactional_reserve
        )
        if not limits:
            return None
        if self._script is not None:
            try:
                self._rebuild_when_lost()
                return self._take_shared(provider.id, limits, now)
            except RedisError as error:
                log.warning("limits of provider %s are kept locally while Redis is away: %s", provider.name, error)
        return self._take_local(provider.id, limits)

    def look(self, provider: Provider, *, transactional: bool, now: datetime) -> tuple[float, str] | None:
        """What `take` would answer, without taking. ``None`` too when Redis cannot be asked."""
        limits = reserved(
            _limits(provider, now), transactional=transactional, reserve_percent=provider.transactional_reserve
        )
        if not limits or self._script is None:
            return None
        try:
            return self._take_shared(provider.id, limits, now, look_only=True)
        except RedisError:
            return None

    def _take_shared(
        self, provider_id: int, limits: Sequence[Limit], now: datetime, *, look_only: bool = False
    ) -> tuple[float, str] | None:
        assert self._script is not None
        arguments: list[int] = [int(now.timestamp() * 1000), 1, int(look_only)]
        for limit in limits:
            period = -1 if limit.period_start is None else limit.period_start * 1000
            arguments += [limit.amount, limit.seconds * 1000, limit.slice_ms(), period]
        answer = self._script(keys=[_key(provider_id, limit) for limit in limits], args=arguments)
        if answer == 0:
            return None
        wait_ms, index = answer
        return wait_ms / 1000, limits[int(index) - 1].name

    def _take_local(self, provider_id: int, limits: Sequence[Limit]) -> tuple[float, str] | None:
        # Evenly spaced over each window and divided among the workers: no window can hold more than its amount.
        now = time.monotonic()
        waits = [(self._local.get((provider_id, limit.name), 0.0) - now, limit.name) for limit in limits]
        longest = max(waits)
        if longest[0] > 0:
            return longest
        for limit in limits:
            self._local[provider_id, limit.name] = now + limit.seconds * self._workers / max(1, limit.amount)
        return None

    def _rebuild_when_lost(self) -> None:
        if time.monotonic() - self._built_checked < 1.0 or self._redis is None:
            return
        self._built_checked = time.monotonic()
        if self._redis.exists(_BUILT):
            return
        with self._database.read() as session:
            for provider in session.scalars(select(Provider).where(Provider.deleted_at.is_(None))):
                self._rebuild(provider)
        self._redis.set(_BUILT, "1")

    def _rebuild(self, provider: Provider) -> None:
        """Count what was sent in each window again, slice by slice, from the attempts."""
        assert self._redis is not None
        now = datetime.now(UTC)
        for limit in _limits(provider, now):
            begin = now - timedelta(seconds=limit.seconds)
            if limit.period_start is not None:
                begin = datetime.fromtimestamp(limit.period_start, UTC)
            slice_seconds = limit.slice_ms() / 1000
            counts: dict[int, int] = {}
            with self._database.connect() as connection:
                # Attempts that never reached a dot cost nothing at the provider; they are counted all the same,
                # because a limit that is kept too well is better than one that is broken.
                moments = connection.execute(
                    select(Attempt.started_at, func.count())
                    .where(Attempt.provider_id == provider.id, Attempt.started_at >= begin)
                    .group_by(Attempt.started_at)
                ).yield_per(1000)
                for moment, count in moments:
                    at = limit.period_start
                    index = int(moment.timestamp() / slice_seconds) if at is None else at * 1000
                    counts[index] = counts.get(index, 0) + count
            if counts:
                self._redis.hset(_key(provider.id, limit), mapping={str(key): value for key, value in counts.items()})


def _limits(provider: Provider, now: datetime) -> list[Limit]:
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


def _key(provider_id: int, limit: Limit) -> str:
    return f"senddock:pace:{provider_id}:{limit.name}"
