"""Limits of a provider: so many messages in any second, minute, hour, day or month.

A limit of N in a window W is held by counting in `SLICES` slices of the window: a slice that has begun to leave the
window still counts whole, so never more than N fall into any window, and at most one slice in `SLICES` (0.8 %) of the
allowance is left unused under saturation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
    """The limits that are set, shortest window first. A month is a rolling 30 days."""
    limits = [
        Limit(name, amount, seconds)
        for name, amount, seconds in (
            ("second", per_second, 1),
            ("minute", per_minute, 60),
            ("hour", per_hour, 3600),
            ("day", per_day, 86400),
            ("month", per_month, 30 * 86400),
        )
        if amount is not None
    ]
    if day_reset_hour is None:
        return limits
    start = int(day_start(now, day_reset_hour, day_zone).timestamp())
    return [Limit(item.name, item.amount, item.seconds, start) if item.name == "day" else item for item in limits]


def day_start(now: datetime, reset_hour: int, zone: str | None) -> datetime:
    """When the present day of an allowance began that starts anew at ``reset_hour`` o'clock in ``zone``."""
    local = now.astimezone(ZoneInfo(zone or "UTC"))
    start = local.replace(hour=reset_hour, minute=0, second=0, microsecond=0)
    return start if start <= local else start - timedelta(days=1)


def reserved(limits: Sequence[Limit], *, transactional: bool, reserve_percent: int) -> list[Limit]:
    """The limits as they hold for a stream: others leave a part of the day's and month's allowance to transactional."""
    if transactional or reserve_percent <= 0:
        return list(limits)
    return [
        Limit(item.name, item.amount - item.amount * reserve_percent // 100, item.seconds, item.period_start)
        if item.name in ("day", "month")
        else item
        for item in limits
    ]
