"""One open SMTP session and the transactions that go over it.

A transaction has four steps so that the engine can commit its evidence between them and let the next transaction's
envelope travel with this one's final dot (RFC 2920 section 3.1 lets message content be the first part of a group):

    begin(a) -> opening() -> body(a) -> [commit the dot mark] -> finish(next=b) -> outcome() -> opening() -> body(b) …

Until ``finish`` is called the message has not been sent, whatever was written before. Each method is a generator of
`senddock.smtp.steps`, so that one thread can carry transactions over many sessions; `wait` drives a single one.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from senddock.domain.reply import Reply, Stage, reply_of
from senddock.domain.whole_number import LARGEST_BIG, whole_number
from senddock.smtp.fault import WireFault
from senddock.smtp.opening import OnStage, open_wire, tls_name
from senddock.smtp.steps import Steps, complete
from senddock.smtp.target import Target
from senddock.smtp.wire import Wire

_BLOCK = 256 * 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What goes over the wire for one transaction."""

    #: Reverse-path; empty for ``<>``.
    mail_from: str
    recipients: tuple[str, ...]
    #: Dot-stuffed, ends with CRLF, without the final dot (RFC 5321 section 4.5.2).
    data: bytes
    size: int
    needs_8bit: bool = False
    needs_smtputf8: bool = False


@dataclass(slots=True)
class Opening:
    """What the server said to MAIL, each RCPT, and DATA."""

    #: Refusal of MAIL or DATA that ends the transaction for all recipients, or ``None``.
    refusal: Reply | None
    #: One reply a recipient, in the order of `Outgoing.recipients`; empty when MAIL was refused.
    recipients: tuple[Reply, ...]
    #: The server waits for the body.
    ready: bool


class Session:
    """An open, signed-in session. Not thread-safe: one lane owns it at a time."""

    def __init__(self, wire: Wire, target: Target, opened_in_ms: float) -> None:
        self._wire = wire
        self._limits = target.timeouts
        self.target = target
        self.tls = tls_name(wire)
        self.opened_in_ms = opened_in_ms
        #: Transactions begun on this session; the first is not a reuse.
        self.transactions = 0
        self.last_used = time.monotonic()
        #: Seconds from the last final dot to its answer; endless before the first.
        self.answered_in = math.inf
        self._dot_left = 0.0
        #: The server hung up after a refusal: only good for closing.
        self.broken = False
        self.pipelining = wire.has_extn("pipelining")
        self._smtputf8 = wire.has_extn("smtputf8")
        self._eightbit = wire.has_extn("8bitmime")
        self._announces_size = wire.has_extn("size")
        #: The server's limit in octets, or ``None`` when it names none (RFC 1870: 0 is "no fixed maximum").
        self.max_size = whole_number(wire.esmtp_features.get("size"), LARGEST_BIG) or None
        if self._smtputf8:
            wire.command_encoding = "utf-8"

    @classmethod
    def open(
        cls, target: Target, on_stage: OnStage | None = None, on_close: Callable[[], None] | None = None
    ) -> "Session":
        """Connect and sign in; ``on_close`` is called when the connection ends after that.

        Raises `WireFault` with the stage at which it failed.
        """
        started = time.monotonic()
        wire = open_wire(target, on_stage)
        wire.on_close = on_close
        return cls(wire, target, (time.monotonic() - started) * 1000)

    @property
    def wire(self) -> Wire:
        """The connection, to be waited for."""
        return self._wire

    def wait(self, steps: Steps[_T]) -> _T:
        """Drive one of this session's methods to its end, for a thread that has nothing else to do."""
        return complete(self._wire, steps)

    @property
    def stale(self) -> bool:
        """True when the server has closed or said something while nobody was listening."""
        return self._wire.has_unread()

    def fits(self, outgoing: Outgoing) -> Reply | None:
        """A refusal that needs no round trip: too large for this server, or it lacks SMTPUTF8."""
        if self.max_size is not None and outgoing.size > self.max_size:
            return Reply(
                Stage.MAIL, 552, "5.3.4", f"Message size {outgoing.size} exceeds the server's limit {self.max_size}"
            )
        if outgoing.needs_smtputf8 and not self._smtputf8:
            return Reply(Stage.MAIL, None, None, "SMTPUTF8 is not offered: the server takes no international addresses")
        return None

    def begin(self, outgoing: Outgoing) -> Steps[None]:
        """Send the envelope; with PIPELINING all of it and DATA in one write. Raises `WireFault`."""
        self.transactions += 1
        self._wire.at(Stage.MAIL, self._limits.envelope)
        yield from self._wire.write(self._envelope(outgoing) if self.pipelining else self._line(self._mail(outgoing)))

    def opening(self, outgoing: Outgoing) -> Steps[Opening]:
        """Read the replies to the envelope that `begin` (or `finish` of the one before) has sent. Raises `WireFault`."""
        welcome = self._welcome(len(outgoing.recipients)) if self.pipelining else None
        if welcome is not None:
            return welcome
        mail = yield from self._reply(Stage.MAIL)
        if mail.code == 421:
            # It closes the connection (RFC 5321 section 3.8): there are no answers to the rest to wait for.
            self.broken = True
        if not mail.positive and (self.broken or not self.pipelining):
            return Opening(mail, (), ready=False)
        recipients: list[Reply] = []
        try:
            return (yield from self._after_mail(outgoing, mail, recipients))
        except WireFault as error:
            # A server that hangs up after its refusal (421) has said why; the refusal is the news, not the hang-up.
            self.broken = True
            if not mail.positive:
                return Opening(mail, (), ready=False)
            if recipients and recipients[-1].code == 421:
                return Opening(recipients[-1], (), ready=False)
            if len(recipients) == len(outgoing.recipients):
                # The link died at DATA: who was refused keeps that answer.
                return Opening(error.reply, tuple(recipients), ready=False)
            raise

    def _welcome(self, recipients: int) -> Opening | None:
        """The usual case: every answer to the envelope is there, and positive."""
        at_hand = self._wire.replies_at_hand(recipients + 2)
        if at_hand is None:
            return None
        answers, end = at_hand
        if answers[-1][0] != 354 or not all(200 <= code < 300 for code, _ in answers[:-1]):
            return None
        self._wire.pass_over(end)
        self._wire.at(Stage.DATA, self._limits.envelope)
        taken = tuple(_known_reply(code, text, Stage.RCPT) for code, text in answers[1:-1])
        return Opening(None, taken, ready=True)

    def _after_mail(self, outgoing: Outgoing, mail: Reply, recipients: list[Reply]) -> Steps[Opening]:
        wire, piped = self._wire, self.pipelining
        for recipient in outgoing.recipients:
            if not piped:
                wire.at(Stage.RCPT, self._limits.envelope)
                yield from wire.write(self._line(f"RCPT TO:<{recipient}>"))
            recipients.append((yield from self._reply(Stage.RCPT)))
        willing = mail.positive and any(reply.positive for reply in recipients)
        if not willing and not piped:
            return Opening(None, tuple(recipients), ready=False)
        if not piped:
            wire.at(Stage.DATA, self._limits.envelope)
            yield from wire.write(b"DATA\r\n")
        data = yield from self._reply(Stage.DATA)
        if data.code == 354 and not willing:
            # RFC 2920 section 3.1: a server may say 354 although nobody is left; an empty message ends it.
            yield from wire.write(b".\r\n")
            yield from self._reply(Stage.DATA)
        if not mail.positive:
            return Opening(mail, (), ready=False)
        if not willing:
            return Opening(None, tuple(recipients), ready=False)
        return Opening(None if data.code == 354 else data, tuple(recipients), ready=data.code == 354)

    def body(self, outgoing: Outgoing) -> Steps[None]:
        """Send the message without its final dot. Raises `WireFault` at stage ``data``."""
        data = outgoing.data
        for start in range(0, len(data), _BLOCK):
            self._wire.at(Stage.DATA, self._limits.data)
            yield from self._wire.write(data[start : start + _BLOCK] if len(data) > _BLOCK else data)

    def interruption(self) -> Steps[Reply | None]:
        """What the server said or did while the body was on its way: a refusal, or ``None`` for nothing.

        Called just before the dot: a server that has hung up can still be left for another one. Raises `WireFault`.
        """
        if not self._wire.has_unread():
            return None
        self._wire.at(Stage.DATA, self._limits.data)
        return (yield from self._reply(Stage.DATA))

    def finish(self, following: Outgoing | None = None) -> Steps[None]:
        """Send the final dot, together with the next transaction's envelope where the server pipelines.

        From here on the message counts as sent. A `WireFault` has stage ``reply``: the outcome is not known.
        """
        end = b".\r\n"
        if following is not None:
            self.transactions += 1
            end += self._envelope(following)
        self._wire.at(Stage.REPLY, self._limits.final_dot)
        self._dot_left = time.monotonic()
        yield from self._wire.write(end)

    def outcome(self) -> Steps[Reply]:
        """The reply to the final dot; a link that dies first raises `WireFault` at stage ``reply``."""
        self._wire.stage = Stage.REPLY
        code, text = yield from self._wire.reply()
        # The replies to a chained envelope come with this one or soon after it.
        self._wire.at(Stage.MAIL, self._limits.envelope)
        self.last_used = time.monotonic()
        self.answered_in = self.last_used - self._dot_left
        return reply_of(code, text.decode("utf-8", "replace"), Stage.FINAL_DOT)

    def reset(self) -> Steps[None]:
        """End a transaction that was begun and not finished. Raises `WireFault` when the session is of no more use."""
        self._wire.at(Stage.MAIL, self._limits.session)
        yield from self._wire.write(b"RSET\r\n")
        reply = yield from self._reply(Stage.MAIL)
        self.last_used = time.monotonic()
        if reply.code != 250:
            raise WireFault(reply)

    def noop(self) -> Steps[None]:
        """Ask the server whether it is there. Raises `WireFault`."""
        self._wire.at(Stage.MAIL, self._limits.session)
        yield from self._wire.write(b"NOOP\r\n")
        reply = yield from self._reply(Stage.MAIL)
        if reply.code != 250:
            raise WireFault(reply)

    def quit(self) -> Steps[None]:
        """Say good-bye and close; what the server answers to QUIT changes nothing and is not waited for long."""
        try:
            self._wire.at(Stage.REPLY, 2.0)
            yield from self._wire.write(b"QUIT\r\n")
            yield from self._wire.reply()
        except WireFault:
            # The messages of this session have their replies already; a lost QUIT loses nothing.
            self._wire.close()
        else:
            self._wire.close()

    def close(self) -> None:
        """Drop the connection at once."""
        self._wire.close()

    def _mail(self, outgoing: Outgoing) -> str:
        command = f"MAIL FROM:<{outgoing.mail_from}>"
        if self._announces_size:
            command += f" SIZE={outgoing.size}"
        if outgoing.needs_8bit and self._eightbit:
            command += " BODY=8BITMIME"
        if outgoing.needs_smtputf8:
            command += " SMTPUTF8"
        return command

    def _envelope(self, outgoing: Outgoing) -> bytes:
        return self._line(
            "\r\n".join([self._mail(outgoing), *(f"RCPT TO:<{to}>" for to in outgoing.recipients), "DATA"]),
            len(outgoing.recipients) + 2,
        )

    def _line(self, text: str, commands: int = 1) -> bytes:
        # One CRLF a command: an address that smuggles another must not reach the wire (the envelope type refuses it too).
        assert text.count("\n") == commands - 1
        return (text + "\r\n").encode(self._wire.command_encoding)

    def _reply(self, stage: Stage) -> Steps[Reply]:
        wire = self._wire
        wire.stage = stage
        code, text = yield from wire.reply()
        wire.deadline = time.monotonic() + self._limits.envelope
        return _known_reply(code, text, stage)


@lru_cache(maxsize=256)
def _known_reply(code: int, text: bytes, stage: Stage) -> Reply:
    """Servers answer the envelope of every message with the same words."""
    return reply_of(code, text.decode("utf-8", "replace"), stage)
