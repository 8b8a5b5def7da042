"""Fetching a file from an address that somebody else named: https, public, bounded in octets and time."""

import http.client
import re
import ssl
import time
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from senddock.http.exchange import exchange, in_words
from senddock.http.target import BadTarget, Lookup, addresses_of, parse, resolve

#: Each place a redirect names is checked like the first.
_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_CHUNK = 64 * 1024
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")


class NotFetched(Exception):
    """There is no file; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file."""

    data: bytes
    #: Without parameters; ``None`` when the server names none that can be used.
    content_type: str | None
    #: The last part of the address that was asked for.
    filename: str | None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a fetch may go."""

    #: Seconds for everything: names, connections, redirects, the file.
    seconds: float = 15.0
    #: Loopback and private networks too; never set where strangers name the addresses.
    private_network: bool = False
    #: Replaces the system's trusted authorities.
    tls: ssl.SSLContext | None = None
    lookup: Lookup = addresses_of


def fetch(url: str, *, most: int, deadline: float, reach: Reach) -> Fetched:
    """The file at ``url``, of at most ``most`` octets, before the moment ``deadline`` of ``time.monotonic``.

    Raises `NotFetched`.
    """
    place = url
    for _ in range(_REDIRECTS + 1):
        found = _ask(place, most, deadline, reach)
        if isinstance(found, tuple):
            data, content_type = found
            return Fetched(data, content_type, unquote(urlsplit(url).path.rpartition("/")[2]) or None)
        place = urljoin(place, found)
    raise NotFetched(f"{shown(url)} is redirected more than {_REDIRECTS} times: name the file's own address.")


def shown(url: str) -> str:
    """Short enough for a sentence."""
    return url if len(url) <= 120 else f"{url[:119]}…"


def _ask(url: str, most: int, deadline: float, reach: Reach) -> tuple[bytes, str | None] | str:
    """Octets and type, or where a redirect leads."""
    try:
        target = parse(url, private_network=reach.private_network)
        if not target.https:
            raise NotFetched(f"{shown(url)} is not an https address: files are fetched over https only.")
        address = resolve(target, private_network=reach.private_network, lookup=reach.lookup)
        fields = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "SendDock-Attachments/1"}
        with exchange("GET", target, address, headers=fields, deadline=deadline, tls=reach.tls) as response:
            place = response.getheader("Location")
            if response.status in _MOVED and place is not None:
                return place
            return _file(url, response, most, deadline)
    except BadTarget as error:
        raise NotFetched(f"{shown(url)} cannot be fetched from: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotFetched(f"{shown(url)} was not fetched: {in_words(error, reach.seconds)}.") from error


def _file(url: str, response: http.client.HTTPResponse, most: int, deadline: float) -> tuple[bytes, str | None]:
    if response.status != 200:
        raise NotFetched(f"{shown(url)} was answered with {response.status}: the file has to be there for everybody.")
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise NotFetched(f"{shown(url)} came compressed although that was not asked for.")
    if (response.length or 0) > most:
        raise NotFetched(f"{shown(url)} has {response.length} octets; at most {most} can be attached here.")
    pieces, size = [], 0
    while piece := response.read1(_CHUNK):
        size += len(piece)
        if size > most:
            raise NotFetched(f"{shown(url)} has more than the {most} octets that can be attached here.")
        if time.monotonic() > deadline:
            raise TimeoutError
        pieces.append(piece)
    if response.length:
        raise NotFetched(f"{shown(url)} broke off {response.length} octets before its end.")
    kind = _TYPE.match(response.getheader("Content-Type", "").strip())
    return b"".join(pieces), kind.group().lower() if kind else None
