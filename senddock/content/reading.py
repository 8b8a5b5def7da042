"""Reading a stored message back for showing it: its text, its HTML, its header and its files. Never raises."""

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage, Message
from typing import Any

from senddock.content.headers import fields_of, split_head, storable


@dataclass(frozen=True, slots=True)
class FilePart:
    """An attached file."""

    number: int
    filename: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ReadParts:
    """What a person looks at."""

    headers: list[tuple[str, str]]
    text: str | None
    html: str | None
    files: list[FilePart]


def read_parts(raw: bytes) -> ReadParts:
    """Take a message apart; what cannot be decoded is shown with replacement characters."""
    text = html = None
    files = []
    for number, part in enumerate(_parts(raw)):
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        name = _filename(part)
        if name is None and kind == "text/plain" and text is None:
            text = _decoded(part)
        elif name is None and kind == "text/html" and html is None:
            html = _decoded(part)
        else:
            files.append(FilePart(number, name or "part", kind, len(_payload(part))))
    return ReadParts(_headers(raw), text, html, files)


def file_of(raw: bytes, number: int) -> tuple[FilePart, bytes] | None:
    """One attached file with its bytes."""
    for position, part in enumerate(_parts(raw)):
        if position == number and not part.is_multipart():
            data = _payload(part)
            return FilePart(number, _filename(part) or "part", part.get_content_type(), len(data)), data
    return None


def _parts(raw: bytes) -> "list[Message[Any, Any]]":
    """The parts of a message in order; none of one that nests so deep that it was made to be a burden."""
    try:
        return list(email.message_from_bytes(raw, policy=email.policy.compat32).walk())
    except RecursionError:
        return []


def _headers(raw: bytes) -> list[tuple[str, str]]:
    shown = []
    for _, field in fields_of(split_head(raw)[0]):
        name, _, value = field.decode("utf-8", "replace").partition(":")
        shown.append((name, storable(value.strip())))
    return shown


def _payload(part: "Message[Any, Any] | EmailMessage") -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _decoded(part: "Message[Any, Any]") -> str:
    data = _payload(part)
    try:
        text = data.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        # No charset, or one that is none: "idna" and the like raise what they please.
        text = data.decode("utf-8", "replace")
    return storable(text).replace("\r\n", "\n")


def _filename(part: "Message[Any, Any]") -> str | None:
    try:
        name = part.get_filename()
    except (ValueError, LookupError):
        return "part"
    if name is None and part.get_content_disposition() == "attachment":
        return "part"
    return storable(name) if name is not None else None
