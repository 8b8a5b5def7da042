"""When a round that ended without an answer is tried again: exponential backoff with full jitter.

Full jitter spreads retries evenly over the pause, so that a thousand messages deferred together do not come back
together (Brooker, "Exponential Backoff And Jitter", 2015). RFC 5321 section 4.5.4.1 asks for pauses of 30 minutes
between tries of *relays*; a submission client towards its own provider may ask sooner.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from senddock.domain.verdict import VerdictClass

#: Seconds to wait by class and try where the class knows better than the stream's schedule; the last value repeats.
#: Greylisting opens after 5-15 minutes; a full mailbox is emptied over hours.
_BY_CLASS: dict[VerdictClass, tuple[int, ...]] = {
    VerdictClass.GREYLISTED: (300, 900, 1800, 3600),
    VerdictClass.RECIPIENT_TRANSIENT: (3600, 4 * 3600, 12 * 3600, 24 * 3600),
    VerdictClass.RATE_LIMITED: (5, 10, 30, 1200),
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """How patient a stream is; all in seconds."""

    first: int
    longest: int
    max_age: int


def next_try(
    schedule: Schedule, *, verdict: VerdictClass | None, tries: int, wait: int | None, now: datetime, chance: float
) -> datetime:
    """The time of the next try after ``tries`` rounds (1 after the first).

    ``wait`` is a time the server named, in seconds: it is honoured, with up to a tenth more so that not all come at
    once. ``chance`` is a random number in [0, 1).
    """
    if wait is not None:
        return now + timedelta(seconds=wait + chance * max(1.0, wait / 10))
    by_class = _BY_CLASS.get(verdict) if verdict else None
    if by_class is not None:
        base = by_class[min(tries, len(by_class)) - 1]
        return now + timedelta(seconds=base * (1 + chance / 5))
    # The exponent is bounded before the power: 2 ** 10_000 is a large number to build.
    ceiling = min(schedule.longest, schedule.first * 2 ** min(max(tries, 1) - 1, 20))
    return now + timedelta(seconds=max(1.0, chance * ceiling))


def expiry(
    schedule: Schedule, *, created_at: datetime, scheduled_at: datetime | None, expires_at: datetime | None
) -> datetime:
    """When a delivery gives up: the stream's age limit, or the message's own limit when that is sooner."""
    by_age = (scheduled_at or created_at) + timedelta(seconds=schedule.max_age)
    return min(by_age, expires_at) if expires_at is not None else by_age
