"""From the members of a submission to the mail that is meant."""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime

from senddock.api.errors import ApiError, invalid
from senddock.api.schemas import AttachmentBody, NodeBuffer, SendEmail
from senddock.content.compose import Attachment
from senddock.dispatch.mailing import Mail
from senddock.domain.schedule import UnreadableTime, read_time
from senddock.http.fetch import Fetched

_SPACE = re.compile(r"\s")

#: Answers the file at an address. Raises `ApiError`.
Fetch = Callable[[str], Fetched]


def mail_of(body: SendEmail, now: datetime, fetch: Fetch | None = None) -> Mail:
    """One submission. Raises `ApiError` 422 that names the field."""
    if body.html is None and body.text is None:
        raise invalid("Missing `html` or `text` field.", "text", "missing_required_field")
    to = _mailboxes(body.to)
    if not to:
        raise invalid("Missing `to` field.", "to", "missing_required_field")
    scheduled = time_of(body.scheduled_at or body.camel_scheduled_at, "scheduled_at", now)
    expires = time_of(body.expires_at or body.camel_expires_at, "expires_at", now)
    if expires is not None and expires <= max(now, scheduled or now):
        raise invalid("Invalid `expires_at` field: it is over before the message is to be sent.", "expires_at")
    return Mail(
        from_=body.from_,
        to=to,
        cc=_mailboxes(body.cc),
        bcc=_mailboxes(body.bcc),
        reply_to=_mailboxes(body.reply_to if body.reply_to is not None else body.camel_reply_to),
        subject=body.subject,
        html=body.html,
        text=body.text,
        headers=body.headers or {},
        attachments=tuple(_attachment(item, fetch) for item in body.attachments or ()),
        tags=tuple({"name": tag.name, "value": tag.value} for tag in body.tags or ()),
        scheduled_at=scheduled,
        expires_at=expires,
    )


def time_of(text: str | None, field: str, now: datetime) -> datetime | None:
    """A time, ISO 8601 or "in 5 minutes"; at most 30 days ahead. Raises `ApiError` 422."""
    if text is None:
        return None
    try:
        return read_time(text, now)
    except UnreadableTime as error:
        raise invalid(f"Invalid `{field}` field: {error}", field) from error


def _mailboxes(value: str | list[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _attachment(item: AttachmentBody, fetch: Fetch | None) -> Attachment:
    filename = item.filename if isinstance(item.filename, str) else None
    kind = item.content_type or item.camel_type
    if item.content is not None:
        data = _bytes(item.content)
    elif item.path is None:
        raise _refused("Each attachment needs its bytes in `content`.")
    elif fetch is None:
        raise _refused("Attachments by `path` are switched off here: send the bytes in `content`.")
    else:
        found = fetch(item.path)
        data = found.data
        kind = kind or found.content_type
        filename = filename or found.filename
    return Attachment(filename or None, data, kind, item.content_id or item.inline_content_id or item.camel_id)


def _bytes(content: str | list[int] | NodeBuffer) -> bytes:
    """Base64, a list of octets, or Node's Buffer as JSON."""
    if isinstance(content, NodeBuffer):
        return bytes(content.data)
    if isinstance(content, list):
        return bytes(content)
    try:
        return base64.b64decode(_SPACE.sub("", content), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused("The `content` of an attachment is not base64.") from error


def _refused(message: str) -> ApiError:
    return invalid(message, "attachments", "invalid_attachment")
