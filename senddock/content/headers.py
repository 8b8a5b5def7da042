"""Header fields: written, read, and exchanged at send time without touching any other byte."""

import re
from collections.abc import Collection, Mapping
from email.header import Header, decode_header, make_header
from email.utils import quote

from senddock.content.invalid import InvalidContent
from senddock.domain.envelope import Address

_FIELD_NAME = re.compile(r"[!-9;-~]+")
_CONTROL = re.compile(r"[\x00\r\n]")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+")
#: Characters that Python, and some readers, take for the end of a line: in a header they are a space.
_VERTICAL = re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
#: What must not stand in a header as it is: other control characters, and what reads as an encoded word (RFC 2047).
_UNSAFE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]|=\?")
#: What an encoded word can hold and no database takes as text: NUL, and the halves of a pair (UTF-7 has them).
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_LONGEST_LINE = 998
#: Fields that are made from members of their own; a custom header must not contradict them.
RESERVED = frozenset(
    "from to cc bcc subject date message-id sender reply-to return-path received mime-version content-type "
    "content-transfer-encoding content-disposition content-id dkim-signature".split()
)


def validate_custom_headers(headers: Mapping[str, str]) -> None:
    """Raises `InvalidContent` for a name or value that must not stand in a header (RFC 5322 section 2.2)."""
    for name, value in headers.items():
        if not _FIELD_NAME.fullmatch(name) or len(name) > 76:
            raise InvalidContent("headers", f"{name!r} is not a header name: use letters, digits and hyphens")
        if name.lower() in RESERVED or name.lower().startswith("content-"):
            raise InvalidContent("headers", f"the header {name} cannot be set here: use the field made for it")
        if _CONTROL.search(value):
            raise InvalidContent("headers", f"the value of the header {name} contains a line break")


def text_field(name: str, value: str) -> bytes:
    """One unstructured field, folded, words outside ASCII encoded (RFC 2047)."""
    _refuse_breaks(name, value)
    value = _VERTICAL.sub(" ", value)
    safe = value.isascii() and not _UNSAFE.search(value)
    if safe and len(name) + 2 + len(value) <= 78:
        return f"{name}: {value}\r\n".encode("ascii")
    folded = _folded(name, value, "us-ascii") if safe else None
    if folded is None or any(not line.strip() or len(line) > _LONGEST_LINE for line in folded.split("\r\n")):
        # Runs of spaces would leave an empty line, and a word can be too long for one: encoded words can be cut.
        folded = _folded(name, value, "utf-8")
    return f"{name}: {folded}\r\n".encode("ascii")


def _folded(name: str, value: str, charset: str) -> str:
    return Header(value, charset, maxlinelen=76, header_name=name).encode(linesep="\r\n")


def address_header(name: str | None, email: str) -> str:
    """``Name <address>`` ready for a header: the name encoded where needed, the domain in ASCII."""
    address = Address.parse(email)
    if not name:
        return address.wire()
    _refuse_breaks("name", name)
    name = _VERTICAL.sub(" ", name)
    if not name.isascii() or len(name) > 200 or _UNSAFE.search(name):
        shown = Header(name, "utf-8", maxlinelen=60).encode(linesep="\r\n")
    elif _PLAIN_PHRASE.fullmatch(name):
        shown = name
    else:
        shown = f'"{quote(name)}"'
    return f"{shown} <{address.wire()}>"


def address_field(name: str, mailboxes: Collection[str]) -> bytes:
    """A field of addresses, one a line where they do not fit into one."""
    line = f"{name}: {', '.join(mailboxes)}"
    if len(line) > 78:
        joined = ",\r\n ".join(mailboxes)
        line = f"{name}: {joined}"
    return f"{line}\r\n".encode()


def split_head(raw: bytes) -> tuple[bytes, bytes]:
    """Header section and the rest; the empty line belongs to the rest."""
    if raw.startswith(b"\r\n"):
        return b"", raw
    end = raw.find(b"\r\n\r\n")
    return (raw, b"\r\n") if end < 0 else (raw[: end + 2], raw[end + 2 :])


def fields_of(head: bytes) -> list[tuple[str, bytes]]:
    """The fields of a header section in order: lower-case name and the whole field with its folding."""
    found: list[tuple[str, bytes]] = []
    for line in head.splitlines(keepends=True):
        if line[:1] in (b" ", b"\t") and found:
            name, field = found[-1]
            found[-1] = (name, field + line)
        else:
            found.append((line.partition(b":")[0].strip().lower().decode("ascii", "replace"), line))
    return found


def splice(raw: bytes, *, set: Mapping[str, str], remove: Collection[str]) -> bytes:  # noqa: A002 - reads as intended
    """Replace or add top-level fields and drop others; every other byte stays. Values are ready for a header."""
    head, rest = split_head(raw)
    values = {name.lower(): (name, value) for name, value in set.items()}
    dropped = {name.lower() for name in remove}
    kept: list[bytes] = []
    for name, field in fields_of(head):
        if name in values:
            shown, value = values.pop(name)
            kept.append(f"{shown}: {value}\r\n".encode())
        elif name not in dropped:
            kept.append(field)
    added = [f"{shown}: {value}\r\n".encode() for shown, value in values.values()]
    return b"".join(added + kept) + rest


def read_header(raw: bytes, name: str) -> str | None:
    """The first field of that name, unfolded and decoded; ``None`` when there is none. Never raises."""
    for found, field in fields_of(split_head(raw)[0]):
        if found == name.lower():
            return decoded(field)
    return None


def decoded(field: bytes) -> str:
    """The value of one whole field, unfolded and decoded (RFC 2047). Never raises."""
    return decoded_words(unfolded(field))


def unfolded(field: bytes) -> str:
    """The value of one whole field without its folding, encoded words as they are."""
    text = field.partition(b":")[2].decode("utf-8", "replace").strip()
    text = _FOLD.sub("", text) if "\n" in text else text
    return text.replace("\0", "\ufffd")


def decoded_words(text: str) -> str:
    """Text with its encoded words read (RFC 2047); as it is when they cannot be. Never raises."""
    if "=?" not in text:
        return text
    try:
        return storable(str(make_header(decode_header(text))))
    except (ValueError, LookupError):
        return text


def storable(text: str) -> str:
    """Text without what no database and no JSON takes: a sender's NULs and halves of pairs become U+FFFD."""
    return _NO_TEXT.sub("\ufffd", text)


def _refuse_breaks(field: str, value: str) -> None:
    if _CONTROL.search(value):
        raise InvalidContent(field.lower(), f"{field} contains a line break, which would start another header")
