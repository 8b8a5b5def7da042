"""Mailboxes as applications write them: ``a@example.com`` or ``Name <a@example.com>`` (RFC 5322 section 3.4)."""

import re
from dataclasses import dataclass

from senddock.content.headers import address_header
from senddock.content.invalid import InvalidContent
from senddock.domain.envelope import Address, InvalidAddress

_ANGLE = re.compile(r"^(.*?)<([^<>]*)>\s*$", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be empty, and an address."""

    name: str
    address: Address

    def header(self) -> str:
        """As it stands in a header field."""
        return address_header(self.name or None, str(self.address))

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else str(self.address)


def parse_mailbox(text: str, field: str = "to") -> Mailbox:
    """Read one mailbox. Raises `InvalidContent` naming ``field``."""
    if _CONTROL.search(text):
        raise InvalidContent(field, f"the {field} field contains a line break or another control character")
    name, address = "", text.strip()
    angle = _ANGLE.match(address)
    if angle:
        name, address = angle.group(1).strip(), angle.group(2).strip()
        if len(name) >= 2 and name[0] == name[-1] == '"':
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
    try:
        return Mailbox(name, Address.parse(address))
    except InvalidAddress as error:
        raise InvalidContent(field, f"Invalid `{field}` field: {error}") from error
