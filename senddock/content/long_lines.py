"""Lines that no server has to take: RFC 5321 section 4.5.3.1.6 allows 998 octets and CRLF.

Only the parts that hold such lines are encoded anew, and header lines are folded at a space; every other byte stays. What
is signed (multipart/signed) is left as it is: a signature that holds is worth more than a line that may be refused.
"""

import base64
import binascii
import re
from email.parser import BytesHeaderParser

from senddock.content.headers import fields_of, splice, split_head
from senddock.content.invalid import InvalidContent

LONGEST = 998
#: As mail servers have it (Postfix' mime_nesting_limit).
DEEPEST = 100
_LONG = re.compile(rb"[^\r\n]{%d}" % (LONGEST + 1))
_parser = BytesHeaderParser()


def shortened(raw: bytes, depth: int = 0) -> bytes:
    """The message (CRLF line ends) with its long lines folded or encoded; the same object when there are none.

    Raises `InvalidContent` when the part with the line lies deeper than `DEEPEST`.
    """
    if not _has_long_line(raw):
        return raw
    if depth > DEEPEST:
        raise InvalidContent(
            "message", f"The message has a part within {DEEPEST} others: nothing sensible nests so deep."
        )
    head, rest = split_head(raw)
    if _has_long_line(head):
        head = b"\r\n".join(map(_folded, head.split(b"\r\n")))
    body = rest[2:]
    if not _has_long_line(body):
        return head + rest
    fields = _parser.parsebytes(head + b"\r\n")
    kind = fields.get_content_type()
    if kind == "multipart/signed":
        return raw
    if kind == "message/rfc822":
        return head + b"\r\n" + shortened(body, depth + 1)
    boundary = fields.get_boundary() if kind.startswith("multipart/") else None
    if boundary is not None:
        return head + b"\r\n" + _members(body, depth + 1, boundary.encode("utf-8", "surrogateescape"))
    return _encoded(head, body, kind, str(fields.get("Content-Transfer-Encoding", "")).strip().lower())


def unfoldable(raw: bytes) -> tuple[str, int] | None:
    """Name and octets of a header field whose line is too long and has no space to be folded at; ``None`` usually."""
    if not _has_long_line(raw):
        return None
    for name, field in fields_of(split_head(raw)[0]):
        length = max(map(len, field.split(b"\r\n")))
        if length > LONGEST:
            return name, length
    return None


def _folded(line: bytes) -> bytes:
    """One header line folded at spaces (RFC 5322 section 2.2.3) as far as it has any."""
    pieces = []
    while len(line) > LONGEST:
        # A fold stands before a space, and what is in front of it must be more than spaces.
        at = max(line.rfind(b" ", 1, LONGEST), line.rfind(b"\t", 1, LONGEST))
        if at < 0 or not line[:at].strip() or not line[at:].strip():
            break
        pieces.append(line[:at])
        line = line[at:]
    return b"\r\n".join([*pieces, line])


def _has_long_line(raw: bytes) -> bool:
    """Hops from line end to line end: the expression alone tries every octet of every line."""
    position = 0
    while len(raw) - position > LONGEST:
        end = raw.rfind(b"\n", position, position + LONGEST + len(b"\r\n"))
        if end < 0:
            return _LONG.search(raw, position) is not None
        position = end + 1
    return False


def _members(body: bytes, depth: int, boundary: bytes) -> bytes:
    delimiter = re.compile(rb"(\r\n--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?=\r\n|\Z))")
    # The first delimiter may be the first line: with a line end in front it looks like the others.
    pieces = delimiter.split(b"\r\n" + body)
    for index in range(2, len(pieces), 2):
        if not pieces[index - 1].rstrip().endswith(boundary + b"--") and pieces[index].startswith(b"\r\n"):
            pieces[index] = b"\r\n" + shortened(pieces[index][2:], depth)
    return b"".join(pieces)[2:]


def _encoded(head: bytes, body: bytes, kind: str, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return head + b"\r\n" + body
    if encoding == "base64":
        try:
            body = base64.b64decode(body)
        except binascii.Error:
            return head + b"\r\n" + body
    elif kind.startswith("text/"):
        text = binascii.b2a_qp(body.replace(b"\r\n", b"\n"), istext=True)
        lines = text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return splice(head + b"\r\n", set={"Content-Transfer-Encoding": "quoted-printable"}, remove=()) + lines
    data = base64.encodebytes(body).replace(b"\n", b"\r\n")
    return splice(head + b"\r\n", set={"Content-Transfer-Encoding": "base64"}, remove=()) + data
