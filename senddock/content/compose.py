"""From fields to RFC 5322 bytes, 7-bit clean, so that no server on the way has to change anything (DKIM stays whole).

The parts are written directly: `email.message.EmailMessage` costs 1-2 ms a message here, this a tenth of it. What it
writes is read back by `email` in the tests.
"""

import base64
import binascii
import functools
import hashlib
import itertools
import mimetypes
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import encode_rfc2231, format_datetime

from senddock.content.addresses import Mailbox
from senddock.content.headers import address_field, text_field, validate_custom_headers
from senddock.content.invalid import InvalidContent
from senddock.content.plain import text_of

_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_PARAMETERS = re.compile(r"[ -~]{0,200}")
_LETTERS = bytes(range(127))
_KEY = os.urandom(16)
_LONGEST_LINE = 76


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels along."""

    filename: str | None
    content: bytes = field(repr=False)
    content_type: str | None = None
    #: Set for images the HTML shows: ``<img src="cid:…">``.
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class MailParts:
    """What a message is made of."""

    from_: Mailbox | None
    to: tuple[Mailbox, ...]
    subject: str
    date: datetime
    message_id: str
    cc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    html: str | None = None
    #: ``None`` is made from ``html``; the empty string leaves it out.
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


def compose(parts: MailParts) -> bytes:
    """The message with CRLF line ends, without Bcc, and without From when none is given. Raises `InvalidContent`."""
    validate_custom_headers(parts.headers)
    if parts.html is None and parts.text is None and not parts.attachments:
        raise InvalidContent("text", "the message has neither html nor text")
    head = [_date_field(parts.date)]
    if parts.from_ is not None:
        head.append(address_field("From", [parts.from_.header()]))
    if parts.to:
        head.append(address_field("To", [mailbox.header() for mailbox in parts.to]))
    if parts.cc:
        head.append(address_field("Cc", [mailbox.header() for mailbox in parts.cc]))
    if parts.reply_to:
        head.append(address_field("Reply-To", [mailbox.header() for mailbox in parts.reply_to]))
    head.append(text_field("Subject", parts.subject))
    head.append(f"Message-ID: {parts.message_id}\r\n".encode("ascii"))
    head.extend(text_field(name, value) for name, value in parts.headers.items())
    head.append(b"MIME-Version: 1.0\r\n")
    return b"".join(head) + _body(parts)


@functools.lru_cache(maxsize=8)
def _date_field(date: datetime) -> bytes:
    # The messages of a batch have one date.
    return b"Date: " + format_datetime(date).encode("ascii") + b"\r\n"


def _body(parts: MailParts) -> bytes:
    boundary = _boundaries(parts.message_id)
    text = parts.text if parts.text is not None else text_of(parts.html) if parts.html else None
    leaves = []
    if text or not (parts.html or parts.attachments):
        leaves.append(_text_part("plain", text or ""))
    if parts.html:
        leaves.append(_text_part("html", parts.html))
    inline = [_file_part(item) for item in parts.attachments if item.content_id]
    attached = [_file_part(item) for item in parts.attachments if not item.content_id]
    if inline and parts.html:
        leaves[-1] = _multipart("related", [leaves[-1], *inline], next(boundary))
    else:
        attached = inline + attached
    body = [_multipart("alternative", leaves, next(boundary))] if len(leaves) > 1 else leaves
    return _multipart("mixed", body + attached, next(boundary)) if attached else body[0]


def _boundaries(message_id: str) -> Iterator[bytes]:
    """128 bits that nobody outside can know: no content can hold one by accident or on purpose.

    The kernel's random numbers cost 30 microseconds a call on some machines; a keyed hash of the id, which is random
    itself, costs one.
    """
    for number in itertools.count():
        made = hashlib.blake2b(f"{number} {message_id}".encode(), key=_KEY, digest_size=16)
        yield b"=_" + made.hexdigest().encode("ascii")


def _multipart(kind: str, members: list[bytes], boundary: bytes) -> bytes:
    head = b"Content-Type: multipart/" + kind.encode() + b'; boundary="' + boundary + b'"\r\n\r\n'
    return head + b"".join(b"--" + boundary + b"\r\n" + member for member in members) + b"--" + boundary + b"--\r\n"


def _text_part(kind: str, text: str) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] != "":
        lines.append("")
    joined = "\r\n".join(lines)
    if joined.isascii():
        if max(map(len, lines)) <= _LONGEST_LINE * 2 and "\x00" not in joined:
            return (
                f'Content-Type: text/{kind}; charset="us-ascii"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n{joined}'
            ).encode("ascii")
        charset = "us-ascii"
    else:
        charset = "utf-8"
    data = joined.encode()
    head = f'Content-Type: text/{kind}; charset="{charset}"\r\nContent-Transfer-Encoding: '
    others = len(data.translate(None, _LETTERS))
    if others * 6 <= len(data):
        # binascii leaves a dot or "From " at the start of a line alone; dot-stuffing takes care of the first.
        encoded = binascii.b2a_qp(data, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return head.encode("ascii") + b"quoted-printable\r\n\r\n" + encoded
    return head.encode("ascii") + b"base64\r\n\r\n" + _base64(data)


def _file_part(item: Attachment) -> bytes:
    kind = item.content_type or mimetypes.guess_type(item.filename or "")[0] or "application/octet-stream"
    main, _, parameters = kind.partition(";")
    if not _TYPE.fullmatch(main.strip()) or not _PARAMETERS.fullmatch(parameters):
        raise InvalidContent("attachments", f"{kind!r} is not a content type: write it as image/png")
    lines = [f"Content-Type: {main.strip().lower()}" + (f";{parameters}" if parameters else "")]
    if main.strip().lower().startswith(("message/", "multipart/")):
        # RFC 2045 section 6.4 and RFC 2046 section 5.2.1 forbid base64 for these; as a file it is only data.
        lines = ["Content-Type: application/octet-stream"]
    lines.append("Content-Transfer-Encoding: base64")
    disposition = "inline" if item.content_id else "attachment"
    lines.append(f"Content-Disposition: {disposition}{_filename(item.filename)}")
    if item.content_id:
        if not re.fullmatch(r"[!-;=?-~]+", item.content_id):
            raise InvalidContent("attachments", f"{item.content_id!r} is not a content id")
        lines.append(f"Content-ID: <{item.content_id}>")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + _base64(item.content)


def _filename(name: str | None) -> str:
    if not name:
        return ""
    if len(name) > 255 or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise InvalidContent("attachments", "the filename is longer than 255 characters, or has a control character")
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f';\r\n filename="{escaped}"'
    # RFC 2231: percent-encoded, in numbered pieces when it is too long for a line.
    encoded = encode_rfc2231(name, "utf-8")
    pieces = re.findall(r"(?:%..|[^%]){1,22}", encoded)
    if len(pieces) == 1:
        return f";\r\n filename*={encoded}"
    return "".join(f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces))


def _base64(data: bytes) -> bytes:
    encoded = base64.b64encode(data)
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)] or [b""]
    return b"\r\n".join(lines) + b"\r\n"
