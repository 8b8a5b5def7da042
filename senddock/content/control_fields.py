"""Header fields by which a message tells SendDock what to do with it; they do not travel on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from senddock.content.invalid import InvalidContent
from senddock.domain.schedule import UnreadableTime, read_time

STREAM = "x-senddock-stream"
SEND_AT = "x-senddock-send-at"
TAG = "x-senddock-tag"
IDEMPOTENCY = "resend-idempotency-key"
_TAG = re.compile(r"([A-Za-z0-9_-]{1,256})(?:\s*[=:]\s*([A-Za-z0-9_-]{0,256}))?")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the control fields say."""

    stream: str | None = None
    send_at: datetime | None = None
    tags: tuple[dict[str, str], ...] = ()
    idempotency_key: str | None = None


def wishes_of(fields: Mapping[str, Sequence[str]], now: datetime) -> Wishes:
    """Read them. ``fields`` are values by lower-case name. Raises `InvalidContent`: a wish is never dropped silently."""
    if not fields:
        return Wishes()
    key = _single(fields, IDEMPOTENCY)
    if key is not None and not 1 <= len(key) <= 256:
        raise InvalidContent(IDEMPOTENCY, "Resend-Idempotency-Key has 1 to 256 characters.")
    return Wishes(_single(fields, STREAM) or None, _moment(_single(fields, SEND_AT), now), _tags(fields), key)


def _single(fields: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = fields.get(name, ())
    if len(set(values)) > 1:
        raise InvalidContent(name, f"The header {name} is there {len(values)} times with different values.")
    return values[0].strip() if values else None


def _moment(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return read_time(text, now)
    except UnreadableTime as error:
        raise InvalidContent(SEND_AT, f"X-SendDock-Send-At: {error}") from error


def _tags(fields: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], ...]:
    tags = []
    for value in fields.get(TAG, ()):
        for part in value.split(","):
            found = _TAG.fullmatch(part.strip())
            if found is None:
                raise InvalidContent(
                    TAG, f"X-SendDock-Tag: {part.strip()!r} is not name=value of letters, digits, _ and -."
                )
            tags.append({"name": found.group(1), "value": found.group(2) or ""})
    return tuple(tags)
