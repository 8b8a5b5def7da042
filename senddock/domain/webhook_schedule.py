"""When a webhook delivery is tried again, and when an endpoint is given up (Standard Webhooks' recommendation)."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

#: Seconds before each try; the first is at once. The last is about 28 hours after the event.
PAUSES = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
#: An endpoint that has failed for this long without one success is disabled.
GIVE_UP = timedelta(days=5)
#: Longest pause an endpoint may ask for, and that one is left alone for when it does not answer, in seconds.
LONGEST_ASKED = 6 * 3600
LONGEST_HELD = 300


def next_try(tries: int, now: datetime, *, chance: float, asked: int | None = None) -> datetime | None:
    """When to try again after ``tries`` tries, up to a fifth later by ``chance`` (0 to 1); ``None``: no more."""
    if tries >= len(PAUSES):
        return None
    seconds = PAUSES[tries] * (1 + chance / 5)
    return now + timedelta(seconds=max(seconds, min(asked or 0, LONGEST_ASKED)))


def held_until(failing_for: timedelta, now: datetime) -> datetime:
    """How long an endpoint that does not answer is left alone: the longer it fails the longer, 5 s to 5 min."""
    return now + timedelta(seconds=min(LONGEST_HELD, max(5.0, failing_for.total_seconds() / 4)))


def is_given_up(failing_since: datetime | None, now: datetime) -> bool:
    """True when the endpoint has failed for so long that nobody seems to be there."""
    return failing_since is not None and now - failing_since >= GIVE_UP


def asked_pause(retry_after: str, now: datetime) -> int | None:
    """Seconds that a ``Retry-After`` asks for, as a number or as a date (RFC 9110 section 10.2.3); ``None``: none that can
    be read. It comes from outside: nothing in it raises."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0, round((moment - now).total_seconds()))
