"""Times as applications write them: ISO 8601, or "in 5 minutes"."""

import re
from datetime import UTC, datetime, timedelta

_IN = re.compile(r"in\s+(an?|\d{1,6})\s*(s|sec|second|m|min|minute|h|hr|hour|d|day)s?", re.IGNORECASE)
#: How far ahead a moment may be.
FURTHEST = timedelta(days=30)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class UnreadableTime(ValueError):
    """The text is not a time this product reads, or one that is too far ahead."""


def read_time(text: str, now: datetime) -> datetime:
    """The moment meant, in UTC, at most 30 days ahead; a time without a zone is UTC. Raises `UnreadableTime`."""
    moment = _moment(text.strip(), now)
    if moment > now + FURTHEST:
        raise UnreadableTime(f"at most {FURTHEST.days} days ahead.")
    return moment


def _moment(text: str, now: datetime) -> datetime:
    relative = _IN.fullmatch(text)
    if relative:
        amount = 1 if relative.group(1).lower() in ("a", "an") else int(relative.group(1))
        try:
            return now + timedelta(seconds=amount * _SECONDS[relative.group(2)[0].lower()])
        except OverflowError as error:
            raise UnreadableTime(f"at most {FURTHEST.days} days ahead.") from error
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableTime(f"{text!r} is neither ISO 8601 (2026-08-05T11:52:01Z) nor `in N minutes`.") from error
