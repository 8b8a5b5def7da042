"""Where a webhook may go: public addresses over https, unless the operator said that it stands on a private network."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

_LONGEST = 2000


class BadTarget(ValueError):
    """The address is of no use; the message says why and what to enter instead."""


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
        raise BadTarget(f"{url} is not a URL: enter one such as https://app.example.com/hooks.") from error
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise BadTarget("Enter an address that begins with https://, such as https://app.example.com/hooks.")
    if parts.scheme == "http" and not private_network:
        raise BadTarget("Use https://: what is sent names the people you write to. http is for private networks only.")
    if parts.username or parts.password or parts.fragment:
        raise BadTarget("A user name, password or # has no place here: the signature says who sent it.")
    https = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(https, parts.hostname, port or (443 if https else 80), path)
    literal = _literal(target.host)
    if literal is not None:
        _require_public(literal, private_network=private_network)
    return target


def resolve(target: Target, *, private_network: bool = False) -> str:
    """An address of the host that may be connected to. Raises `BadTarget`, and ``OSError`` when the name is not found.

    The answer is what has to be connected to: asking again could give another answer (DNS rebinding).
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        # One private address among public ones is a trick, not a mirror.
        _require_public(ipaddress.ip_address(address), private_network=private_network)
    return addresses[0]


def _require_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, private_network: bool) -> None:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    # Cloud metadata services answer on link-local addresses: never, whatever was allowed.
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or str(inner) in _METADATA:
        raise BadTarget(f"{address} is not an address that webhooks are sent to.")
    if not private_network and (not inner.is_global or inner.is_reserved):
        raise BadTarget(
            f"{address} is an address of a private network: allow it for this endpoint, if it is yours, or use a public one."
        )


#: Metadata services outside of the link-local range.
_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "192.0.0.192"})


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
