"""What a server said, and at which stage of the SMTP dialogue (RFC 5321, RFC 3463)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from senddock.domain.wrapped import enhanced_within, unwrap


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


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ENHANCED = re.compile(r"^#?([245]\.\d{1,3}\.\d{1,3})\b[ :-]*")
_INNER = re.compile(r"(?<=[\s.;,])([245]\d\d)[- ](?=\S)(?:([245]\.\d{1,3}\.\d{1,3}) )?")


def reply_of(code: int, raw_text: str, stage: Stage) -> Reply:
    """A reply as it came over the wire: ``raw_text`` has the lines (joined by newlines) without their codes.

    RFC 2034 puts the enhanced code at the front of each line; it is taken off and kept once. Never raises.
    """
    enhanced = None
    lines = []
    for raw in raw_text.split("\n"):
        # Control characters of a broken server are for no log, and a NUL is refused by PostgreSQL.
        line = raw.strip()
        if not line.isprintable():
            line = _CONTROL.sub("\ufffd", line)
        found = _ENHANCED.match(line)
        if found:
            enhanced = enhanced or found.group(1)
            line = line[found.end() :]
        if line:
            lines.append(line)
    text = " ".join(lines)
    # qmail writes the enhanced code behind its words.
    return Reply(stage, code, enhanced or enhanced_within(text, code), text)


def parse_reply(line: str, stage: Stage | None = None) -> Reply:
    """Read what a server said, or what a client library raised, from one line of text. Never raises.

    Without a ``stage`` the wrapper's words may name it; else a line with a code is taken for an answer to the final
    dot, one without for a fault while connecting.
    """
    code, enhanced, text, said_at = unwrap(" ".join(line.split()))
    match = _ENHANCED.match(text)
    if match:
        enhanced, text = match.group(1), text[match.end() :]
    elif enhanced is None:
        enhanced = enhanced_within(text, code)
    if code is not None:
        text = _INNER.sub(lambda inner: "" if inner.group(1) == str(code) else inner.group(0), text)
    where = stage or (Stage(said_at) if said_at else None)
    where = where or (Stage.FINAL_DOT if code is not None or enhanced is not None else Stage.CONNECT)
    return Reply(where, code, enhanced, text.strip())
