"""How much of its limits each provider has used, read from the shared counters without taking from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from redis.exceptions import RedisError

from senddock.domain.pacing import Limit, limits_of
from senddock.models import Provider

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit: ``name`` is its window (``day``), ``resets_at`` when a part of it or all of it comes free."""

    name: str
    used: int
    limit: int
    resets_at: datetime | None


def allowances(redis: "Redis", rows: Sequence[Provider], now: datetime) -> Mapping[int, Sequence[Allowance]]:
    """Limits of an hour and longer by provider id; empty while Redis does not answer (shorter ones change too fast)."""
    wanted = [(row.id, limit) for row in rows for limit in _long_limits(row, now)]
    if not wanted:
        return {}
    try:
        pipe = redis.pipeline(transaction=False)
        for provider_id, limit in wanted:
            pipe.hgetall(f"senddock:pace:{provider_id}:{limit.name}")
        answers = pipe.execute()
    except RedisError:
        return {}
    found: dict[int, list[Allowance]] = {}
    for (provider_id, limit), raw in zip(wanted, answers, strict=True):
        counts = {int(at): int(count) for at, count in cast("dict[Any, Any]", raw).items()}
        found.setdefault(provider_id, []).append(_allowance(limit, counts, now))
    return found


def _long_limits(row: Provider, now: datetime) -> Sequence[Limit]:
    return limits_of(
        per_second=None,
        per_minute=None,
        per_hour=row.per_hour,
        per_day=row.per_day,
        per_month=row.per_month,
        now=now,
        day_reset_hour=row.day_reset_hour,
        day_zone=row.day_zone,
    )


def _allowance(limit: Limit, counts: Mapping[int, int], now: datetime) -> Allowance:
    """``counts`` is slice to messages, as ``pace.lua`` keeps them."""
    if limit.period_start is not None:
        resets: datetime | None = datetime.fromtimestamp(limit.period_start, UTC) + timedelta(seconds=limit.seconds)
        return Allowance(limit.name, counts.get(limit.period_start * 1000, 0), limit.amount, resets)
    length, begin = limit.slice_ms(), int(now.timestamp() * 1000) - limit.seconds * 1000
    live = {at: count for at, count in counts.items() if count and (at + 1) * length > begin}
    resets = datetime.fromtimestamp((min(live) + 1) * length / 1000 + limit.seconds, UTC) if live else None
    return Allowance(limit.name, sum(live.values()), limit.amount, resets)
