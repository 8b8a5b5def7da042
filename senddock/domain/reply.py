"""What a server said, and at which stage of the SMTP dialogue (RFC 5321, RFC 3463)."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where in the dialogue a reply or a fault happened, in the order in which stages are reached."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    EHLO = "ehlo"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    #: The server answered the final dot with this reply.
    FINAL_DOT = "final_dot"
    #: The final dot was sent and the link died before any reply: the outcome is not known.
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply, or a fault of the link when ``code`` is ``None``.

    ``text`` is the reply's text with the lines of a multi-line reply joined by one space and the code and the
    enhanced code taken off the front; for a fault it is a sentence that names the fault ("Connection timeout").
    """

    stage: Stage
    code: int | None
    enhanced: str | None
    text: str

    @property
    def positive(self) -> bool:
        """True for 2yz and 3yz replies (RFC 5321 section 4.2.1)."""
        return self.code is not None and 200 <= self.code < 400

    def line(self) -> str:
        """The reply as one line, the way a person reads it in a log: ``550 5.1.1 No such user``."""
        parts = [str(self.code) if self.code is not None else "", self.enhanced or "", self.text]
        return " ".join(part for part in parts if part)
