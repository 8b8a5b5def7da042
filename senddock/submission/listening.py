"""Where the door listens, and what is said when it cannot."""

import ssl
from dataclasses import dataclass

from senddock.submission.certificate import Certificate

#: Host and port.
Bind = tuple[str, int]


class CannotListen(RuntimeError):
    """An address cannot be bound; the text says which and why."""

    def __init__(self, bind: Bind, error: OSError) -> None:
        super().__init__(f"{shown(bind)} cannot be used ({error.strerror or error})")
        self.bind = bind


@dataclass(frozen=True, slots=True)
class Listening:
    """A door's addresses, the name it gives itself, and its certificate if it has one."""

    name: str
    #: Plain until STARTTLS.
    plain: Bind
    #: TLS from the first byte.
    implicit: Bind | None
    certificate: Certificate | None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """For listeners and STARTTLS."""
        return self.certificate.context if self.certificate else None


def shown(bind: Bind) -> str:
    """As a person writes it: ``[::1]:587``."""
    host, port = bind
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
