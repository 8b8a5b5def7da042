"""Where to connect and how long each stage may take."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds a stage may take from its first byte to its last (RFC 5321 section 4.5.3.2 gives the upper bounds)."""

    connect: float = 10.0
    tls: float = 15.0
    #: Greeting, EHLO and AUTH, each.
    session: float = 30.0
    #: MAIL, RCPT and DATA up to the 354.
    envelope: float = 60.0
    #: One block of the message body.
    data: float = 120.0
    #: From the final dot to its reply: the server may scan the message before it answers.
    final_dot: float = 300.0

    @classmethod
    def of(cls, overrides: Mapping[str, Any] | None) -> Self:
        """The defaults with some of them replaced; unknown names are ignored."""
        known = {item.name for item in fields(cls)}
        return cls(**{name: float(value) for name, value in (overrides or {}).items() if name in known})


@dataclass(frozen=True, slots=True)
class Target:
    """One SMTP account as the session needs it. ``repr`` never shows the password."""

    host: str
    port: int
    #: ``starttls`` (must upgrade), ``ssl`` (encrypted from the first byte) or ``none``.
    encryption: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeouts: Timeouts = Timeouts()
    #: Name servers to ask, ``host:port``; empty is the system's resolver.
    dns_servers: tuple[str, ...] = ()
    #: How we greet the server (EHLO).
    greet_as: str = "localhost"
    #: A file of CA certificates to trust besides the system's, for servers with a private CA.
    ca_file: str | None = None
