"""The envelope of a message: a value that cannot be invalid (RFC 5321 section 4.1.2, RFC 6531)."""

import functools
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: RFC 5321 section 4.5.3.1.1-3: a local part has at most 64 octets, a path 256 with its angle brackets.
MAX_LOCAL_OCTETS = 64
MAX_ADDRESS_OCTETS = 254

#: C1 controls and Unicode's line ends too: Python, and some readers, take them for the end of a line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: What slips in when an address is pasted, or makes one look like another: spaces of every width, and marks that turn the
#: direction of reading. Joiners (U+200C, U+200D) stay: some scripts need them.
_INVISIBLE = re.compile(
    r"[\u00a0\u00ad\u1680\u2000-\u200b\u200e\u200f\u202a-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb]"
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]"
_DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_QUOTED_STRING = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"')
_LABEL = r"[A-Za-z0-9\u0080-\U0010ffff](?:[A-Za-z0-9\-\u0080-\U0010ffff]{0,61}[A-Za-z0-9\u0080-\U0010ffff])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ADDRESS_LITERAL = re.compile(r"\[(?:(?P<tag>IPv6:)(?P<six>[0-9A-F:.]+)|(?P<four>[0-9.]+))\]", re.IGNORECASE)


class InvalidAddress(ValueError):
    """An address that RFC 5321/6531 does not allow on the wire; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox as it stands in MAIL FROM or RCPT TO. A domain name is stored in lower case; the local part as given."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read ``local@domain``. Raises `InvalidAddress` with a sentence a person understands."""
        # The same few addresses come again and again; longer texts are no addresses and are not remembered.
        return _remembered(text) if len(text) <= MAX_ADDRESS_OCTETS else cls._read(text)

    @classmethod
    def _read(cls, text: str) -> "Address":
        if _CONTROL.search(text):
            raise InvalidAddress("the address contains a line break or another control character")
        if not text.isascii():
            _refuse_unreadable(text)
        local, at, domain = text.rpartition("@")
        if not at or not local or not domain:
            raise InvalidAddress(f"{text!r} is not an address: it needs the form name@example.com")
        if len(local.encode()) > MAX_LOCAL_OCTETS:
            raise InvalidAddress(f"the part before @ is longer than {MAX_LOCAL_OCTETS} octets")
        if len(text.encode()) > MAX_ADDRESS_OCTETS:
            raise InvalidAddress(f"the address is longer than {MAX_ADDRESS_OCTETS} octets")
        if not (_DOT_STRING.fullmatch(local) or _QUOTED_STRING.fullmatch(local)):
            raise InvalidAddress(f"{local!r} before the @ has characters or dots where none may be")
        if domain.startswith("["):
            return cls(local, _literal(domain))
        if not _DOMAIN.fullmatch(domain):
            raise InvalidAddress(f"{domain!r} is not a domain name")
        if not domain.isascii():
            try:
                domain.encode("idna")
            except UnicodeError as error:
                raise InvalidAddress(f"{domain!r} is not a domain name (it cannot be written in ASCII)") from error
        return cls(local, domain.lower())

    @property
    def ascii_domain(self) -> str:
        """The domain in its ASCII form (IDNA), for comparing and for servers without SMTPUTF8."""
        if self.domain.isascii():
            return self.domain
        return self.domain.encode("idna").decode("ascii")

    @property
    def needs_smtputf8(self) -> bool:
        """True when the local part cannot be written in ASCII (RFC 6531)."""
        return not self.local.isascii()

    def wire(self) -> str:
        """The address for MAIL FROM / RCPT TO: the domain in ASCII unless the local part needs SMTPUTF8 anyway."""
        return str(self) if self.needs_smtputf8 else f"{self.local}@{self.ascii_domain}"

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def _refuse_unreadable(text: str) -> None:
    if _SURROGATE.search(text):
        raise InvalidAddress("the address is not UTF-8 text")
    hidden = _INVISIBLE.search(text)
    if hidden:
        raise InvalidAddress(f"the address contains an invisible character (U+{ord(hidden.group()):04X}): type it anew")


def _literal(domain: str) -> str:
    """An address literal (RFC 5321 section 4.1.3) as it is stored: RFC 5321 writes the tag "IPv6:"."""
    found = _ADDRESS_LITERAL.fullmatch(domain)
    try:
        if found is None:
            raise ValueError
        if found["tag"]:
            return f"[IPv6:{ipaddress.IPv6Address(found['six'])}]"
        return f"[{ipaddress.IPv4Address(found['four'])}]"
    except ValueError as error:
        raise InvalidAddress(f"{domain!r} is not a domain name, nor an address literal such as [192.0.2.1]") from error


@functools.lru_cache(1024)
def _remembered(text: str) -> Address:
    return Address._read(text)  # noqa: SLF001 - the other half of `Address.parse`


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends and who receives, apart from what the headers say.

    ``sender`` is ``None`` for the null reverse-path ``<>`` (RFC 5321 section 4.5.5) and when the chosen provider's
    own From is to be used.
    """

    sender: Address | None
    recipients: tuple[Address, ...]

    @classmethod
    def of(cls, sender: str | None, recipients: Iterable[str]) -> "Envelope":
        """Build from text. Duplicate recipients are kept once, in order. Raises `InvalidAddress`."""
        parsed = tuple(dict.fromkeys(Address.parse(recipient) for recipient in recipients))
        if not parsed:
            raise InvalidAddress("a message needs at least one recipient")
        return cls(Address.parse(sender) if sender else None, parsed)
