"""A message that arrives whole: its header taken apart once, every other byte kept as it came."""

import functools
import re
from collections.abc import Collection, Mapping
from email.utils import getaddresses

from senddock.content.control_fields import IDEMPOTENCY, SEND_AT, STREAM, TAG
from senddock.content.headers import decoded, decoded_words, fields_of, split_head, unfolded
from senddock.content.invalid import InvalidContent
from senddock.domain.envelope import Address, InvalidAddress

#: Fields that speak to SendDock, and Bcc (RFC 5322 section 3.6.3): they do not travel on.
CONTROL = frozenset({STREAM, SEND_AT, TAG, IDEMPOTENCY})
_DROPPED = CONTROL | {"bcc", "resent-bcc"}
_ANY_BREAK = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
#: One address, alone or in angle brackets after a name of plain or encoded words: what most fields are. All else is for
#: ``getaddresses``, which takes twenty times as long.
_ATOM, _WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9!'*+/=?_-]+"
_ADDRESS = rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_ONE_MAILBOX = re.compile(rf"({_ADDRESS})|(?:({_WORD}(?: {_WORD})*) )?<({_ADDRESS})>")
_MBOX_LINE = re.compile(rb">?From [^\r\n]*\r\n")


class WholeMessage:
    """Header fields by name, and the bytes. Line ends are CRLF from here on.

    A bare CR or LF would let text after a dot be read as commands by a lenient server on the way out (SMTP smuggling,
    CVE-2023-51764).
    """

    def __init__(self, data: bytes) -> None:
        """Raises `InvalidContent` when there is nothing at all."""
        if not data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n"):
            data = _ANY_BREAK.sub(b"\r\n", data)
        if not data.strip():
            raise InvalidContent("message", "The message is empty.")
        # What mail spools put in front is no header field.
        mbox = _MBOX_LINE.match(data)
        head, rest = split_head(data[mbox.end() :] if mbox else data)
        self._fields = fields_of(head)
        for number, (_, field) in enumerate(self._fields):
            if not _FIELD.match(field):
                # The header ends where a line is no field, as mail servers have always read it.
                tail = rest if b"\r\n\r\n" in data else b""
                rest = b"\r\n" + b"".join(item for _, item in self._fields[number:]) + tail
                del self._fields[number:]
                break
        self._rest = rest
        self._by_name: dict[str, list[bytes]] = {}
        for name, field in self._fields:
            self._by_name.setdefault(name, []).append(field)

    def first(self, name: str) -> str | None:
        """The first field of that lower-case name, decoded."""
        found = self._by_name.get(name)
        return decoded(found[0]) if found else None

    def control(self) -> dict[str, list[str]]:
        """The control fields that are there: values by lower-case name."""
        return {name: [decoded(field) for field in self._by_name[name]] for name in CONTROL & self._by_name.keys()}

    def mailboxes(self, *names: str) -> list[tuple[str, str]]:
        """Display names and usable addresses of address fields, in order."""
        # Taken apart before names are decoded: a name that decodes to an address must not pass for one.
        found = [_mailboxes(unfolded(field)) for name in names for field in self._by_name.get(name, ())]
        return [(decoded_words(name), address) for field in found for name, address in field if _usable(address)]

    def drop(self, name: str) -> None:
        """Take the fields of that lower-case name out."""
        self._fields = [field for field in self._fields if field[0] != name]
        self._by_name.pop(name, None)

    def all_bytes(self) -> bytes:
        """The message with its control fields and Bcc, for handing it over once more."""
        return b"".join(field for _, field in self._fields) + self._rest

    def bytes_with(self, added: Mapping[str, str], without: Collection[str] = ()) -> bytes:
        """The message with fields put in front, without Bcc and control fields and those of ``without``."""
        dropped = _DROPPED.union(without) if without else _DROPPED
        kept = [field for name, field in self._fields if name not in dropped]
        return b"".join([*(f"{name}: {value}\r\n".encode() for name, value in added.items()), *kept]) + self._rest


@functools.lru_cache(256)
def _mailboxes(text: str) -> tuple[tuple[str, str], ...]:
    """Names and addresses of one unfolded field, encoded words as they are."""
    one = _ONE_MAILBOX.fullmatch(text)
    return ((one[2] or "", one[1] or one[3]),) if one else tuple(getaddresses([text]))


def _usable(address: str) -> bool:
    try:
        Address.parse(address)
    except InvalidAddress:
        return False
    return True
