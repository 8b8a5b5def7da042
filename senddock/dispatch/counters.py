"""The counters of the limits in Redis, counted again from the attempts when Redis comes back empty."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from senddock.dispatch.dot_marks import marks_of
from senddock.domain.pacing import Limit
from senddock.models import Attempt, Database, Provider

if TYPE_CHECKING:
    from redis import Redis

#: Present while the counters are complete; its absence means that Redis has lost them.
_BUILT = "senddock:pace:built"
#: Where an attempt ended that has cost nothing of a limit.
_NOTHING_SENT = ("dns", "connect", "tls", "greeting", "ehlo", "auth")


class Counters:
    """Looks once a second whether the counters are still there."""

    def __init__(self, database: Database, redis: "Redis | None") -> None:
        self._database = database
        self._redis = redis
        self._checked = 0.0

    def rebuild_when_lost(self, limits_of: Callable[[Provider, datetime], Sequence[Limit]], now: datetime) -> None:
        """Count every limit again when Redis has forgotten them. Raises ``RedisError``."""
        if self._redis is None or time.monotonic() - self._checked < 1.0:
            return
        if not self._redis.exists(_BUILT):
            with self._database.read() as session:
                providers = session.scalars(select(Provider).where(Provider.deleted_at.is_(None))).all()
            for provider in providers:
                for limit in limits_of(provider, now):
                    self._rebuild(self._redis, provider.id, limit, now)
            self._redis.set(_BUILT, "1")
        self._checked = time.monotonic()

    def _rebuild(self, redis: "Redis", provider_id: int, limit: Limit, now: datetime) -> None:
        begin = now - timedelta(seconds=limit.seconds)
        if limit.period_start is not None:
            begin = datetime.fromtimestamp(limit.period_start, now.tzinfo)
        slice_seconds = limit.slice_ms() / 1000
        counts: dict[int, int] = {}

        def counted_in(moment: datetime) -> int:
            at = limit.period_start
            return int(moment.timestamp() / slice_seconds) if at is None else at * 1000

        with self._database.connect() as connection:
            moments = connection.execute(
                select(Attempt.started_at, func.count())
                .where(
                    Attempt.provider_id == provider_id,
                    Attempt.started_at >= begin,
                    or_(Attempt.stage.is_(None), Attempt.stage.not_in(_NOTHING_SENT)),
                )
                .group_by(Attempt.started_at)
            ).yield_per(1000)
            for moment, count in moments:
                index = counted_in(moment)
                counts[index] = counts.get(index, 0) + count
            # Those under way right now have no row of their own yet.
            for mark in marks_of(connection):
                if mark.attempt["provider_id"] == provider_id and mark.attempt["started_at"] >= begin:
                    index = counted_in(mark.attempt["started_at"])
                    counts[index] = counts.get(index, 0) + 1
        if counts:
            key = key_of(provider_id, limit)
            redis.hset(key, mapping={str(index): value for index, value in counts.items()})
            redis.pexpire(key, limit.seconds * 2000)


def key_of(provider_id: int, limit: Limit) -> str:
    """Where a limit is counted; another window is another counter."""
    return f"senddock:pace:{provider_id}:{limit.name}" + (f":{limit.seconds}" if limit.name == "slowed" else "")
