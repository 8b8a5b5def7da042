"""One connection: bytes in and out, TLS, waiting for the commit. What is said is `Dialogue`'s business."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from senddock.dispatch.submission import Receipt
from senddock.submission.admission import Room
from senddock.submission.authentication import Authentication
from senddock.submission.body import BodyReader
from senddock.submission.credentials import Credentials
from senddock.submission.dialogue import Dialogue
from senddock.submission.intake import Handed, Standing, reply_to

if TYPE_CHECKING:
    from senddock.submission.door import Door

log = logging.getLogger(__name__)

#: Octets of a command line; RFC 4954 section 4 asks for 12,288, for long responses of SASL.
LONGEST_LINE = 12_288
#: Octets that wait unread while a message is committed, before the client is made to wait too.
_WAITING = 65_536
#: Seconds without a byte before a session is closed (RFC 5321 section 4.5.3.2.7), and before a message is given up.
IDLE = 300.0
_IDLE_BODY = 180.0
#: A message up to this size is read in the event loop; a larger one would keep the other sessions waiting.
_SMALL = 131_072


class Connection(asyncio.BufferedProtocol):
    """Made for each client by the listener."""

    __slots__ = (
        "_authentication", "_body", "_buffer", "_choked", "_closed", "_dialogue", "_door", "_eof", "_held",
        "_paused", "_replies", "_room", "_skipping", "_transport", "address", "deadline", "tls",
    )  # fmt: skip

    def __init__(self, door: "Door", *, tls: bool) -> None:
        self._door = door
        self.tls = tls
        self.address = ""
        #: Moment, on the loop's clock, at which the session is given up.
        self.deadline = 0.0
        self._transport: asyncio.Transport | None = None
        self._dialogue = Dialogue(self, name=door.name, size=door.limits.message, max_recipients=door.limits.recipients)
        self._buffer = bytearray()
        self._replies: list[str] = []
        self._body: BodyReader | None = None
        self._authentication = Authentication(door)
        self._room = Room(door.admission)
        self._held = self._choked = self._eof = self._closed = self._skipping = self._paused = False

    @property
    def signed_in(self) -> bool:
        """True once a key was good."""
        return self._dialogue.username is not None

    @property
    def at_work(self) -> bool:
        """True while a message is being read or committed."""
        return self._held or self._body is not None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        # Not asked for by its class: other event loops have transports of their own.
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if isinstance(peer, tuple) else ""
        self.deadline = self._door.now() + IDLE
        refusal = self._door.enter(self)
        if refusal:
            self.hang_up(refusal)
            return
        if self._door.standing is not None:
            self._dialogue.username = ""
        self.say(f"220 {self._door.name} ESMTP SendDock")
        self._flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where bytes are put: one place for all connections, which are served one after the other."""
        return self._door.incoming

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came."""
        self.deadline = self._door.now() + (IDLE if self._body is None else _IDLE_BODY)
        self._buffer += self._door.incoming[:nbytes]
        if not self._held:
            self._advance()
        if len(self._buffer) > _WAITING and not self._paused and self._transport is not None and not self._closed:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more; what it sent before is finished and answered."""
        self._eof = True
        if not self._held:
            self._advance()
        # TLS has no half-closed connections.
        return not self.tls

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. A commit that is under way goes on."""
        self._closed = True
        self._body = None
        self._room.give_back()
        self._door.leave(self)

    def pause_writing(self) -> None:
        """The client does not read its answers: nothing more is done for it until it does."""
        self._choked = True

    def resume_writing(self) -> None:
        """It reads again."""
        self._choked = False
        if not self._held:
            self._advance()

    def give_up(self) -> None:
        """The deadline has passed; a commit is waited for however long it takes."""
        if not self._held:
            self.hang_up("421 4.4.2 Nothing came for too long")

    # What the dialogue calls.

    def say(self, reply: str) -> None:
        """Answer; leaves with the answers to the other commands that came in the same packet."""
        self._replies.append(reply)

    def hang_up(self, reply: str) -> None:
        """Answer and close."""
        if self._closed:
            return
        self.say(reply)
        self._flush()
        self._close()

    def offers_tls(self) -> bool:
        """True while STARTTLS can be asked for."""
        return self._door.tls is not None and not self.tls

    def start_tls(self) -> None:
        """Answer 220 and speak TLS; what was sent before in the open is forgotten (CVE-2011-0411)."""
        assert self._transport is not None
        self._transport.pause_reading()
        self._buffer.clear()
        self._held = True
        self.say("220 2.0.0 Go ahead")
        self._flush()
        self._door.spawn(self._upgrade())

    def sign_in(self, credentials: Credentials) -> None:
        """Look the key up in a thread."""
        self._held = True
        self._door.spawn(self._sign_in(credentials))

    def start_mail(self, then: Callable[[], None]) -> None:
        """Go on at once, or after a look at the key and its limit."""
        if self._authentication.settled:
            then()
            return
        self._held = True
        self._door.spawn(self._start_mail(then))

    def receive(self) -> None:
        """Read a message, or say that there is no room."""
        if not self._door.admission.has_room():
            self._dialogue.transaction = None
            self.say("452 4.3.1 Too much mail is being received just now, try again later")
            return
        self._body = BodyReader(self._door.limits.message)
        self.say("354 End with CRLF.CRLF")

    def _advance(self) -> None:
        while self._buffer and not (self._held or self._choked or self._closed):
            if self._body is not None:
                self._read_body(self._body)
                continue
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > LONGEST_LINE:
                    self._skipping = True
                    self._buffer.clear()
                break
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if self._skipping or end > LONGEST_LINE:
                self._skipping = False
                self._dialogue.fault(f"500 5.5.2 A command line has at most {LONGEST_LINE} octets")
            else:
                self._dialogue.line(line)
        self._flush()
        if self._eof and not (self._held or self._choked):
            self._close()
        elif self._paused and len(self._buffer) <= _WAITING and not self._closed and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def _read_body(self, body: BodyReader) -> None:
        chunk = bytes(self._buffer)
        self._buffer.clear()
        rest = body.feed(chunk)
        if not body.too_large:
            self._room.take(len(chunk))
        if rest is None:
            if body.size > 4 * self._door.limits.message:
                self.hang_up(self._too_large())
            return
        self._buffer += rest
        self._body = None
        transaction, self._dialogue.transaction = self._dialogue.transaction, None
        if body.too_large:
            self._room.give_back()
            self.say(self._too_large())
            return
        assert transaction is not None
        standing = self._authentication.standing
        assert standing is not None
        self._held = True
        handed = Handed(self._dialogue.username or "", transaction.sender, transaction.recipients, body.content())
        if body.size > _SMALL:
            self._door.spawn(self._take_large(standing, handed))
            return
        try:
            self._door.intake.store(self._door.intake.read(standing, handed), partial(self._door.tell, self))
        except Exception as error:  # noqa: BLE001 - worded and logged by reply_to
            self.decided(error)

    async def _take_large(self, standing: Standing, handed: Handed) -> None:
        try:
            read = await self._door.in_thread(self._door.intake.read, standing, handed)
            self._door.intake.store(read, partial(self._door.tell, self))
        except Exception as error:  # noqa: BLE001 - worded and logged by reply_to
            self.decided(error)

    def decided(self, outcome: Receipt | Exception) -> None:
        """The message is committed, or it is not: the answer to the final dot."""
        self._room.give_back()
        reply = reply_to(outcome)
        if self._closed:
            log.info("the client left before it was told: %s", reply)
        self._release(reply)

    async def _upgrade(self) -> None:
        assert self._transport is not None
        upgraded = await self._door.secure(self._transport, self)
        if upgraded is None:
            return
        self._transport = upgraded
        self._paused, self.tls = False, True
        self._dialogue.reset()
        self._release(None)

    async def _sign_in(self, credentials: Credentials) -> None:
        reply = await self._authentication.sign_in(credentials, self.address)
        if reply.startswith("421"):
            self.hang_up(reply)
            return
        if reply.startswith("235"):
            self._dialogue.username = credentials.username
        self._release(reply)

    async def _start_mail(self, then: Callable[[], None]) -> None:
        refusal = await self._authentication.refusal_of_mail(self.address)
        if refusal is None:
            then()
        elif refusal.startswith("530"):
            self._dialogue.username = None
        self._release(refusal)

    def _release(self, reply: str | None) -> None:
        """What was waited for has come."""
        self._held = False
        if self._closed:
            return
        if reply is not None:
            self.say(reply)
        self.deadline = self._door.now() + IDLE
        if self._door.stopping:
            self.hang_up("421 4.3.2 The server is stopping")
            return
        self._advance()

    def _too_large(self) -> str:
        return f"552 5.3.4 A message may have {self._door.limits.message} octets"

    def _flush(self) -> None:
        if self._replies and self._transport is not None:
            self._transport.write("".join(f"{reply}\r\n" for reply in self._replies).encode())
            self._replies.clear()

    def _close(self) -> None:
        if not self._closed and self._transport is not None:
            self._closed = True
            self._transport.close()
