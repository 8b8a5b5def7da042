"""Who is calling with which key, and what that key may do: decided here for the HTTP API and the SMTP door alike."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from senddock.dispatch.refusals import Refused
from senddock.dispatch.submission import Submission


class KeyRefused(Refused):
    """The key does not open the door: it is unknown, revoked, expired, or used from elsewhere."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="key")


class NotAllowed(Refused):
    """The key is good, but not for this: another stream, another From domain, or reading with a sending key."""

    def __init__(self, message: str, *, field: str | None = None, code: str = "not_allowed") -> None:
        super().__init__(message, field=field, code=code)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as far as the doors need to know."""

    key_id: int
    name: str
    project_id: int
    #: The streams the key may use, the one that is meant when none is named first; empty for all of the project.
    stream_ids: tuple[int, ...]
    scope: str
    from_domains: frozenset[str]
    networks: tuple[str, ...]
    per_second: int | None
    expires_at: datetime | None

    def check_door(self, address: str | None, now: datetime) -> None:
        """Raises `KeyRefused` when the key has expired or may not be used from ``address``."""
        if self.expires_at is not None and self.expires_at <= now:
            raise KeyRefused(f"The API key {self.name!r} expired on {self.expires_at:%Y-%m-%d}: make a new one.")
        if self.networks and not _within(address, self.networks):
            raise KeyRefused(f"The API key {self.name!r} may not be used from the address {address}.")

    def check_reading(self) -> None:
        """Raises `NotAllowed` when the key may only send."""
        if self.scope != "full":
            raise NotAllowed("This API key may only send: use one with full access.", code="reading")

    def check_stream(self, stream_id: int, name: str) -> None:
        """Raises `NotAllowed` when the key may not use the stream."""
        if self.stream_ids and stream_id not in self.stream_ids:
            raise NotAllowed(f"This API key may not use the stream {name!r}: leave `stream` out.", field="stream")

    def check_sender(self, submission: Submission) -> None:
        """Raises `NotAllowed` when the From field or the envelope's sender is outside the key's domains.

        A message without From would leave under the chosen provider's own, which the key's list says nothing about:
        a key with a list has to name its sender.
        """
        if not self.from_domains:
            return
        wanted = set(submission.from_domains)
        if submission.envelope.sender is not None:
            wanted.add(submission.envelope.sender.ascii_domain)
        allowed = ", ".join(sorted(self.from_domains))
        if not submission.from_domains:
            raise NotAllowed(f"This API key may only send from {allowed}: give a From address.", field="from")
        for domain in sorted(wanted):
            if not _covered(domain, self.from_domains):
                raise NotAllowed(f"This API key may not send from {domain}; it may from {allowed}.", field="from")


def _within(address: str | None, networks: Iterable[str]) -> bool:
    try:
        here = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(here, ipaddress.IPv6Address) and here.ipv4_mapped is not None:
        # A dual-stack socket shows IPv4 callers as ::ffff:a.b.c.d.
        here = here.ipv4_mapped
    return any(here in ipaddress.ip_network(network, strict=False) for network in networks)


def _covered(domain: str, allowed: frozenset[str]) -> bool:
    """True for a listed domain; ``*.example.com`` lists everything below example.com."""
    if domain in allowed:
        return True
    labels = domain.split(".")
    return any("*." + ".".join(labels[start:]) in allowed for start in range(1, len(labels)))
