"""Times that servers write into their replies: "try again in 341 seconds", "after Mon, 25 Aug 2025 07:00:31 UTC"."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_IN = re.compile(
    r"(?:\b(?:in|after|within|for|wait)\b|retry[- ]after:?|=)\s*(?:about |another |at least )?(\d{1,6})\s*"
    r"(s|sec|secs|seconds?|m|min|mins|minutes?|h|hr|hrs|hours?|d|days?)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:after|until|at|by)\s+((?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2}(?: (?:UTC|GMT|[+-]\d{4}))?)"
)
_ISO = re.compile(r"(?:after|until|at|by)\s+(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:?\d{2})?)")
#: Words that show the number is a time to wait and not, say, the window of a limit.
_ASKS = re.compile(
    r"again|retry|wait|enabled|resume|reset|back off|backoff|unblock|come back|later|delay|until|slow", re.IGNORECASE
)
_LONGEST = 31 * 86400


def wait_in(text: str, now: datetime | None) -> int | None:
    """Seconds to wait as the text asks, or ``None``. Absolute times need ``now``; times gone by give 0."""
    if not _ASKS.search(text):
        return None
    if now is not None:
        moment = _moment(text)
        if moment is not None:
            return min(_LONGEST, max(0, round((moment - now).total_seconds())))
    found = _IN.search(text)
    if found is None:
        return None
    seconds = int(found.group(1)) * _UNITS[found.group(2)[0].lower()]
    return seconds if seconds <= _LONGEST else None


def _moment(text: str) -> datetime | None:
    dated = _DATE.search(text)
    try:
        if dated:
            moment = parsedate_to_datetime(dated.group(1))
        elif iso := _ISO.search(text):
            moment = datetime.fromisoformat(iso.group(1))
        else:
            return None
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
