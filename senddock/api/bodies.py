"""From the octets of a request to what is meant, or to a refusal that names the member and says what to write."""

import re
from typing import Any, TypeVar

import msgspec

from senddock.api.errors import ApiError, invalid
from senddock.api.help import Topic
from senddock.api.schemas import PutRoutes, PutStream, Reschedule, SendEmail, StreamName

T = TypeVar("T")

_MISSING = re.compile(r"missing required field `([^`]+)`")
_AT = re.compile(r"(?: - at |in )`\$((?:[^`])*)`$")
_MEMBER = re.compile(r"^(?:\[(?:\d+|\.\.\.)\])?\.([A-Za-z_]+)")

_send: msgspec.json.Decoder[SendEmail] = msgspec.json.Decoder(SendEmail)
_reschedule: msgspec.json.Decoder[Reschedule] = msgspec.json.Decoder(Reschedule)
_stream: msgspec.json.Decoder[PutStream] = msgspec.json.Decoder(PutStream)
_routes: msgspec.json.Decoder[PutRoutes] = msgspec.json.Decoder(PutRoutes)
_batch: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])

_EMAIL = "`to`, `subject` and `html` or `text`"
#: What to write instead, where the type alone does not say it.
_ADVICE = {
    "to": "an address or a list of at most 50 addresses",
    "cc": "an address or a list of at most 50 addresses",
    "bcc": "an address or a list of at most 50 addresses",
    "reply_to": "an address or a list of at most 50 addresses",
    "from": "an address such as `Shop <shop@example.com>`",
    "subject": "one line of text",
    "html": "text",
    "text": "text",
    "headers": "an object of names and one-line texts",
    "tags": "a list of {name, value} with ASCII letters, digits, underscores and hyphens, at most 256 of them",
    "attachments": "a list of {filename, content, content_type, content_id}, the content as base64",
    "scheduled_at": "a time such as 2027-08-05T11:52:01Z or `in 1 hour`",
    "expires_at": "a time such as 2027-08-05T11:52:01Z or `in 10 minutes`",
    "stream": "the name of a stream",
    "kind": "`transactional` or `marketing`",
    "routes": "a list of {provider_id, priority, weight}, whole numbers, priority and weight from 1 to 1000",
    "template": "left out: templates are not supported here, send `html` or `text`",
}


def one_email(data: bytes | msgspec.Raw) -> SendEmail:
    """A submission. Raises `ApiError` 400 or 422."""
    return _read(_send, data)


def new_time(data: bytes) -> Reschedule:
    """A reschedule. Raises `ApiError` 400 or 422."""
    return _read(_reschedule, data)


def stream(data: bytes) -> PutStream:
    """A stream's kind. Raises `ApiError` 400 or 422."""
    return _read(_stream, data, "`kind`")


def routes(data: bytes) -> PutRoutes:
    """The order of a stream. Raises `ApiError` 400 or 422."""
    return _read(_routes, data, "`routes`")


def stream_name(name: str) -> str:
    """A name from the address. Raises `ApiError` 422."""
    try:
        return msgspec.convert(name, StreamName)
    except msgspec.ValidationError as error:
        raise invalid(
            "A stream's name has letters, digits, dots, hyphens and underscores, at most 64 of them.", "name"
        ) from error


def batch(data: bytes, most: int) -> list[msgspec.Raw]:
    """The members of a batch, each still to be read. Raises `ApiError` 400 or 422."""
    items = _read(_batch, data)
    if not 1 <= len(items) <= most:
        raise invalid(f"The body must be a list of 1 to {most} messages; it has {len(items)}.", topic=Topic.BATCH)
    return items


def canonical(data: bytes) -> bytes:
    """The same octets for the same JSON, whatever the order of members and the white space.

    Octets with a number that this machine cannot hold, in a member that nobody reads, stay as they are.
    """
    try:
        return msgspec.json.encode(msgspec.json.decode(data), order="deterministic")
    except (msgspec.MsgspecError, OverflowError):
        return data


def _read(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, members: str = _EMAIL) -> T:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), members) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "validation_error", f"The body is not JSON in UTF-8: {error}.") from error


def _refusal(said: str, members: str) -> ApiError:
    missing = _MISSING.search(said)
    place = _AT.search(said)
    member = _MEMBER.match(place.group(1)) if place else None
    extra: dict[str, Any] = {}
    if missing and (member is None or member.group(1) not in _ADVICE):
        field = missing.group(1)
        return invalid(f"Missing `{field}` field.", field, "missing_required_field")
    if member is None:
        return invalid(f"The body must be a JSON object with {members}.", topic=Topic.CONTENT)
    field = _SNAKE.get(member.group(1), member.group(1))
    name = "invalid_attachment" if field == "attachments" else "validation_error"
    advice = _ADVICE.get(field)
    detail = said.replace(f" - at `${place.group(1)}`", "") if place else said
    at = f" ({place.group(1).lstrip('.')}: {detail})" if place else ""
    extra["field"] = field
    return ApiError(422, name, f"Invalid `{field}` field: it must be {advice}{at}." if advice else said, **extra)


_SNAKE = {"replyTo": "reply_to", "scheduledAt": "scheduled_at", "expiresAt": "expires_at"}
