"""Times that servers write into their replies: "try again in 341 seconds", "after Mon, 25 Aug 2025 07:00:31 UTC"."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WORDS = {"an": 1, "a": 1, "one": 1, "two": 2, "five": 5, "ten": 10}
_UNIT = r"s|sec|secs|seconds?|m|min|mins|minutes?|minuten?|h|hr|hrs|hours?|d|days?"
_AMOUNT = rf"(\d{{1,6}}(?=[\s-]*[a-z])|(?:an?|one|two|five|ten)(?=[\s-]))[\s-]*({_UNIT})(?:\(s\)|\b)"
_IN = re.compile(
    r"(?:\b(?:in|after|within|for|wait|another|least|about)\b:?|=)\s*"
    r"(?:about |another |at least |approximately |the next )?" + _AMOUNT + rf"(?:\s*(?:,|and)?\s*{_AMOUNT})?",
    re.IGNORECASE,
)
_LATER = re.compile(rf"\b{_AMOUNT}()() (?:later|from now)", re.IGNORECASE)
#: A bare number of seconds, as HTTP writes it.
_RETRY_AFTER = re.compile(r"retry[- _]?after\W{1,3}(\d{1,6})(?![\d:.-]|\s*(?:m|h|d)\w*\b)", re.IGNORECASE)
#: Hours, minutes and seconds with colons.
_CLOCK = re.compile(r"\b(?:in|after|for)\s+(\d{1,2}):(\d\d):(\d\d)\b(?!\s*(?:utc|gmt|z|[+-]\d))", re.IGNORECASE)
_DATE = re.compile(
    r"(?:after|until|at|by|on)\s+"
    r"((?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}(?::\d{2})?(?: (?:UTC|GMT|[+-]\d{4}))?)"
)
_ISO = re.compile(
    r"(?:after|until|at|by|on)\s+(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?\b"
)
_OF_DAY = re.compile(r"(?:after|until|at|by)\s+(\d{1,2}):(\d\d)(?::\d\d)?\s?(?:utc|gmt|z)\b", re.IGNORECASE)
_TOMORROW = re.compile(
    r"(?:again|retry|until|wait|come back|resume\w*|later)[^.]{0,20}\b(?:tomorrow|midnight)\b", re.IGNORECASE
)
#: Words that show the number is a time to wait and not, say, the window of a limit.
_ASKS = (
    *("again", "retry", "wait", "enabled", "resum", "reset", "back off", "backoff", "blocked for", "lifted"),
    *("come back", "later", "delay", "until", "slow", "renew"),
)
_LONGEST = 31 * 86400


def wait_in(text: str, now: datetime | None) -> int | None:
    """Seconds to wait as the text asks, or ``None``. Absolute times need ``now``; times gone by give 0."""
    small = text.lower()
    if not any(word in small for word in _ASKS):
        return None
    if now is not None:
        moment = _moment(text, now)
        if moment is not None:
            return min(_LONGEST, max(0, round((moment - now).total_seconds())))
    seconds = _seconds(text)
    return seconds if seconds is not None and seconds <= _LONGEST else None


def _seconds(text: str) -> int | None:
    if clock := _CLOCK.search(text):
        hours, minutes, rest = map(int, clock.groups())
        return hours * 3600 + minutes * 60 + rest
    if bare := _RETRY_AFTER.search(text):
        return int(bare.group(1))
    found = _IN.search(text) or _LATER.search(text)
    if found is None:
        return None
    number, unit, more, smaller = found.groups()
    seconds = _amount(number, unit)
    return seconds + (_amount(more, smaller) if more else 0)


def _amount(number: str, unit: str) -> int:
    return (_WORDS.get(number.lower()) or int(number)) * _UNITS[unit[0].lower()]


def _moment(text: str, now: datetime) -> datetime | None:
    dated = _DATE.search(text)
    try:
        if dated:
            moment = parsedate_to_datetime(dated.group(1))
        elif iso := _ISO.search(text):
            zone = (iso.group(2) or "").upper()
            moment = datetime.fromisoformat(iso.group(1) + ("Z" if zone in ("UTC", "GMT") else zone))
        elif of_day := _OF_DAY.search(text):
            moment = now.astimezone(UTC).replace(hour=int(of_day.group(1)) % 24, minute=int(of_day.group(2)), second=0)
            return moment if moment >= now else moment + timedelta(days=1)
        elif _TOMORROW.search(text):
            return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        else:
            return None
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
