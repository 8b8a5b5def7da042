"""Where a call may go: public addresses over https, unless the operator said that it stands on a private network.

Callers of the API name addresses to fetch from, and operators name endpoints: neither may use this server to reach what
only this server can reach (server-side request forgery).
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_LONGEST = 2000


class BadTarget(ValueError):
    """The address is of no use; the message says why and what to enter instead."""


class PrivateTarget(BadTarget):
    """It is of a private network, which the caller might allow."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address, taken apart."""

    https: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """For the Host header."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == (443 if self.https else 80) else f"{shown}:{self.port}"


def parse(url: str, *, private_network: bool = False) -> Target:
    """Check the form of an address. Raises `BadTarget`."""
    if len(url) > _LONGEST or not url.isascii() or any(letter <= " " or letter == "\x7f" for letter in url):
        raise BadTarget("The address has blanks or letters that a URL cannot have, or is too long.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadTarget(f"{url} is not a URL: write one such as https://app.example.com/path.") from error
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise BadTarget("Write an address that begins with https://, such as https://app.example.com/path.")
    if parts.scheme == "http" and not private_network:
        raise BadTarget(
            "Use https://: what travels is about the people you write to. http is for private networks only."
        )
    if parts.username or parts.password or parts.fragment:
        raise BadTarget("A user name, password or # has no place in this address.")
    https = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(https, parts.hostname, port or (443 if https else 80), path)
    literal = _literal(target.host)
    if literal is not None:
        _require_public(literal, private_network=private_network)
    return target


#: Answers the IP addresses of a host and port. Raises ``OSError`` when the name is not found.
Lookup = Callable[[str, int], Sequence[str]]


def addresses_of(host: str, port: int) -> Sequence[str]:
    """The system's answer."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def resolve(target: Target, *, private_network: bool = False, lookup: Lookup = addresses_of) -> str:
    """An address of the host that may be connected to. Raises `BadTarget`, and ``OSError`` when the name is not found.

    The answer is what has to be connected to: asking again could give another answer (DNS rebinding).
    """
    try:
        addresses = lookup(target.host, target.port)
    except UnicodeError as error:
        # The codec for international names refuses empty and overlong labels in its own way.
        raise BadTarget(f"{target.host} is not the name of a host.") from error
    for address in addresses:
        # One private address among public ones is a trick, not a mirror.
        _require_public(ipaddress.ip_address(address), private_network=private_network)
    return addresses[0]


def _require_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, private_network: bool) -> None:
    inner = _embedded(address) or address
    # Cloud metadata services answer on link-local addresses: never, whatever was allowed.
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or str(inner) in _METADATA:
        raise BadTarget(f"{address} is an address that is never called.")
    if not private_network and (not inner.is_global or inner.is_reserved):
        raise PrivateTarget(f"{address} is an address of a private network: use a public one.")


#: Metadata services outside of the link-local range.
_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "192.0.0.192"})


#: RFC 6052: a translator behind it leads to the IPv4 address in the last 32 bits.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _embedded(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
