"""The counters of the limits in Redis, counted again from the attempts when Redis comes back empty, or from a while in
which it did not answer and mail left all the same."""

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
#: What was counted meanwhile by somebody else stays: no count becomes smaller.
_RAISE = """
for i = 2, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0') < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
#: Where an attempt ended that has cost nothing of a limit.
_NOTHING_SENT = ("dns", "connect", "tls", "greeting", "ehlo", "auth")


class Counters:
    """Looks once a second whether the counters are still there."""

    def __init__(self, database: Database, redis: "Redis | None") -> None:
        self._database = database
        self._redis = redis
        self._checked = 0.0

    def rebuild_when_lost(
        self,
        limits_of: Callable[[Provider, datetime], Sequence[Limit]],
        now: datetime,
        away_since: datetime | None = None,
    ) -> None:
        """Count every limit again when Redis has forgotten them, or what left since ``away_since`` when it did not answer.

        Raises ``RedisError``.
        """
        if self._redis is None or (away_since is None and time.monotonic() - self._checked < 1.0):
            return
        lost = not self._redis.exists(_BUILT)
        if lost or away_since is not None:
            with self._database.read() as session:
                providers = session.scalars(select(Provider).where(Provider.deleted_at.is_(None))).all()
            for provider in providers:
                for limit in limits_of(provider, now):
                    self._rebuild(self._redis, provider.id, limit, now, None if lost else away_since)
            self._redis.set(_BUILT, "1")
        self._checked = time.monotonic()

    def used(self, provider_id: int, limit: Limit, now: datetime) -> int:
        """How much of a limit is used up, from the attempts alone; counts no further than the limit."""
        begin = _begin(limit, now)
        reached = (
            select(Attempt.number)
            .where(
                Attempt.provider_id == provider_id,
                Attempt.started_at >= begin,
                or_(Attempt.stage.is_(None), Attempt.stage.not_in(_NOTHING_SENT)),
            )
            .limit(limit.amount)
        )
        with self._database.connect() as connection:
            counted: int = connection.execute(select(func.count()).select_from(reached.subquery())).scalar_one()
            flying = [mark.attempt for mark in marks_of(connection)]
        under_way = [row for row in flying if row["provider_id"] == provider_id and row["started_at"] >= begin]
        return counted + len(under_way)

    def _rebuild(self, redis: "Redis", provider_id: int, limit: Limit, now: datetime, since: datetime | None) -> None:
        begin = _begin(limit, now)
        if since is not None and limit.period_start is None:
            begin = max(begin, since)
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
            pairs = [part for index, value in counts.items() for part in (str(index), value)]
            redis.eval(_RAISE, 1, key_of(provider_id, limit), limit.seconds * 2000, *pairs)


def _begin(limit: Limit, now: datetime) -> datetime:
    """The beginning of the window that ends now."""
    if limit.period_start is not None:
        return datetime.fromtimestamp(limit.period_start, now.tzinfo)
    return now - timedelta(seconds=limit.seconds)


def key_of(provider_id: int, limit: Limit) -> str:
    """Where a limit is counted; another window is another counter."""
    return f"senddock:pace:{provider_id}:{limit.name}" + (f":{limit.seconds}" if limit.name == "slowed" else "")
