"""The body of a submission: read strictly, so that nothing is guessed and every refusal names its field."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from senddock.api.errors import invalid
from senddock.content.compose import Attachment
from senddock.dispatch.mailing import Mail
from senddock.domain.schedule import UnreadableTime, read_time

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
#: Names that very old SDKs send.
_ALIASES = {"replyTo": "reply_to", "scheduledAt": "scheduled_at", "expiresAt": "expires_at"}


def mail_of(body: Any, now: datetime) -> Mail:
    """One submission from its JSON. Raises `ApiError` 422 that names the field."""
    if not isinstance(body, Mapping):
        raise invalid("The body must be a JSON object with `to`, `subject` and `html` or `text`.")
    data: dict[str, Any] = {_ALIASES.get(str(name), str(name)): value for name, value in body.items()}
    if data.get("template") is not None:
        raise invalid("`template` is not supported here: send `html` or `text`.", "template")
    to = _addresses(data, "to")
    if not to:
        raise invalid("Missing `to` field.", "to", "missing_required_field")
    subject = _text(data, "subject")
    if subject is None:
        raise invalid("Missing `subject` field.", "subject", "missing_required_field")
    html, text = _text(data, "html"), _text(data, "text")
    if html is None and text is None:
        raise invalid("Missing `html` or `text` field.", "text", "missing_required_field")
    return Mail(
        from_=_text(data, "from") or None,
        to=to,
        cc=_addresses(data, "cc"),
        bcc=_addresses(data, "bcc"),
        reply_to=_addresses(data, "reply_to"),
        subject=subject,
        html=html,
        text=text,
        headers=_headers(data),
        attachments=_attachments(data),
        tags=_tags(data),
        scheduled_at=time_of(data, "scheduled_at", now),
        expires_at=time_of(data, "expires_at", now),
    )


def time_of(data: Mapping[str, Any], field: str, now: datetime) -> datetime | None:
    """A time, ISO 8601 or "in 5 minutes"; at most 30 days ahead."""
    value = data.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(f"The `{field}` field must be a string such as 2026-08-05T11:52:01Z or `in 1 hour`.", field)
    try:
        moment = read_time(value, now)
    except UnreadableTime as error:
        raise invalid(f"Invalid `{field}` field: {error}", field) from error
    if moment > now + timedelta(days=30):
        raise invalid(f"Invalid `{field}` field: at most 30 days ahead.", field)
    return moment


def _text(data: Mapping[str, Any], field: str) -> str | None:
    value = data.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(f"The `{field}` field must be a string.", field)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise invalid(f"The `{field}` field has characters that are no characters (lone surrogates).", field) from error
    return value


def _addresses(data: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = data.get(field)
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise invalid(f"The `{field}` field must be an address or a list of addresses.", field)
    for item in values:
        _text({field: item}, field)
    return tuple(values)


def _headers(data: Mapping[str, Any]) -> dict[str, str]:
    value = data.get("headers")
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise invalid("The `headers` field must be an object of strings.", "headers")
    return {str(name): _text({"headers": item}, "headers") or "" for name, item in value.items()}


def _tags(data: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    value = data.get("tags")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise invalid("The `tags` field must be a list of {name, value}.", "tags")
    tags = []
    for item in value:
        if not isinstance(item, Mapping):
            raise invalid("The `tags` field must be a list of {name, value}.", "tags")
        name, content = item.get("name"), item.get("value", "")
        good = isinstance(name, str) and isinstance(content, str) and _TAG.fullmatch(name)
        if not good or (content and not _TAG.fullmatch(content)):
            raise invalid("Tags have ASCII letters, digits, underscores and hyphens, at most 256 of them.", "tags")
        tags.append({"name": name, "value": content})
    return tuple(tags)


def _attachments(data: Mapping[str, Any]) -> tuple[Attachment, ...]:
    value = data.get("attachments")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise invalid("The `attachments` field must be a list.", "attachments", "invalid_attachment")
    return tuple(_attachment(item) for item in value)


def _attachment(item: Any) -> Attachment:
    if not isinstance(item, Mapping):
        raise invalid(
            "Each attachment is an object with `filename` and `content`.", "attachments", "invalid_attachment"
        )
    if item.get("path") is not None:
        raise invalid(
            "Attachments by `path` are switched off: send the bytes in `content`.", "attachments", "invalid_attachment"
        )
    filename = item.get("filename") or None
    kind = item.get("content_type") or item.get("contentType") or None
    cid = item.get("content_id") or item.get("inline_content_id") or item.get("contentId") or None
    if not all(part is None or isinstance(part, str) for part in (filename, kind, cid)):
        raise invalid("`filename`, `content_type` and `content_id` are strings.", "attachments", "invalid_attachment")
    return Attachment(filename, _bytes(item.get("content")), kind, cid)


def _bytes(content: Any) -> bytes:
    """Base64, a list of octets, or Node's Buffer as JSON."""
    if isinstance(content, Mapping) and content.get("type") == "Buffer":
        content = content.get("data")
    try:
        if isinstance(content, str):
            return base64.b64decode(re.sub(r"\s", "", content), validate=True)
        if isinstance(content, list) and all(type(item) is int for item in content):
            return bytes(content)
    except (binascii.Error, ValueError) as error:
        raise invalid(
            "The `content` of an attachment is not base64 or octets.", "attachments", "invalid_attachment"
        ) from error
    raise invalid("The `content` of an attachment must be base64 text.", "attachments", "invalid_attachment")
