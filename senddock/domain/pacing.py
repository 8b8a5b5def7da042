"""Limits of a provider: so many messages in any second, minute, hour, day or month.

A limit of N in a window W is held by counting in `SLICES` slices of the window: a slice that has begun to leave the
window still counts whole, so never more than N fall into any window, and at most one slice in `SLICES` (0.8 %) of the
allowance is left unused under saturation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

#: Slices a rolling window is counted in.
SLICES = 128


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``amount`` messages (or recipients) in any ``seconds``."""

    name: str
    amount: int
    seconds: int
    #: Set for an allowance that starts anew at a fixed time: the start of the present period (Unix seconds).
    period_start: int | None = None

    def slice_ms(self) -> int:
        """Length of one slice in milliseconds, at least one."""
        return max(1, self.seconds * 1000 // SLICES)


def limits_of(
    *,
    per_second: int | None,
    per_minute: int | None,
    per_hour: int | None,
    per_day: int | None,
    per_month: int | None,
    now: datetime,
    day_reset_hour: int | None = None,
    day_zone: str | None = None,
) -> list[Limit]:
    """The limits that are set, shortest window first.

    A month is a rolling 31 days: in 30, a burst on the 1st and another on the 31st would be twice a calendar month's.
    """
    limits = [
        Limit(name, amount, seconds)
        for name, amount, seconds in (
            ("second", per_second, 1),
            ("minute", per_minute, 60),
            ("hour", per_hour, 3600),
            ("day", per_day, 86400),
            ("month", per_month, 31 * 86400),
        )
        if amount is not None
    ]
    if day_reset_hour is None:
        return limits
    start, end = _day(now, day_reset_hour, ZoneInfo(day_zone or "UTC"))
    return [Limit(item.name, item.amount, end - start, start) if item.name == "day" else item for item in limits]


def _day(now: datetime, reset_hour: int, zone: ZoneInfo) -> tuple[int, int]:
    """Beginning and end, in Unix seconds, of the present day of an allowance that starts anew at ``reset_hour``.

    It has 23 or 25 hours where clocks are changed. An hour that comes twice begins the day the first time (``fold=0``);
    for one that is left out the day begins in the moment in which it is.
    """
    start = now.astimezone(zone).replace(hour=reset_hour, minute=0, second=0, microsecond=0, fold=0)
    if start.timestamp() > now.timestamp():
        start -= timedelta(days=1)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp())


def reserved(limits: Sequence[Limit], *, transactional: bool, reserve_percent: int) -> list[Limit]:
    """The limits as they hold for a stream: others leave a part of each allowance to transactional mail.

    A second's allowance is not divided: it is back within the second, and transactional mail is taken first.
    """
    if transactional or reserve_percent <= 0:
        return list(limits)
    return [
        replace(item, amount=item.amount - item.amount * reserve_percent // 100) if item.seconds >= 60 else item
        for item in limits
    ]


#: Seconds in which a pace that was halved grows back to what it was.
RECOVERY = 300.0
#: Refusals within this many seconds of a halving are answers to what was sent before it.
SETTLING = 2.0
#: The slowest pace, in messages a second.
SLOWEST = 1 / 60


@dataclass(frozen=True, slots=True)
class Slowdown:
    """A provider said "too fast": the pace was halved, and grows back evenly over `RECOVERY` seconds."""

    #: Messages a second just after the halving, and before it.
    pace: float
    full: float
    since: datetime

    @property
    def recovers_at(self) -> datetime:
        """When the full pace is back, if the provider does not object again."""
        return self.since + timedelta(seconds=RECOVERY)

    def pace_at(self, now: datetime) -> float | None:
        """Messages a second; ``None`` once it has recovered."""
        elapsed = (now - self.since).total_seconds()
        if elapsed < -SETTLING:
            # The clock was set back: it must not stay slow for as long as it was set back.
            return None
        share = max(0.0, elapsed) / RECOVERY
        return self.pace + (self.full - self.pace) * share if share < 1 else None

    def limit(self, now: datetime) -> Limit | None:
        """The pace as one more limit of the provider."""
        pace = self.pace_at(now)
        if pace is None:
            return None
        if pace >= 1:
            return Limit("slowed", int(pace), 1)
        return Limit("slowed", 1, math.ceil(1 / pace))


def slowed(known: Slowdown | None, *, pace: float, now: datetime) -> Slowdown:
    """Halve the pace; ``pace`` is the one kept so far, in messages a second, where nothing has slowed it."""
    current = known.pace_at(now) if known is not None else None
    if known is None or current is None:
        return Slowdown(max(SLOWEST, pace / 2), max(SLOWEST, pace), now)
    if 0 <= (now - known.since).total_seconds() < SETTLING:
        return known
    return Slowdown(max(SLOWEST, current / 2), known.full, now)
