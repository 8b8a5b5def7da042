"""The socket under a session: commands out, replies in, each stage with one deadline; it never blocks.

`smtplib` knows EHLO parsing, STARTTLS and the AUTH mechanisms; its reading of replies is replaced because it has no
deadline over a whole reply (a server that sends one byte every nine seconds would hold it for ever), no bound on the
number of lines, and drops the stage.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from functools import lru_cache

from senddock.domain.reply import Stage
from senddock.smtp.fault import WireFault, fault, fault_of
from senddock.smtp.steps import READ, WRITE, Steps, complete

#: RFC 5321 section 4.5.3.1.5 allows 512 octets; real servers send more, hostile ones send no end.
_MAX_LINE = 16 * 1024
_MAX_LINES = 128


class Wire(smtplib.SMTP):
    """An SMTP connection whose reads and writes raise `WireFault` with the stage they happened at."""

    def __init__(self, host: str, greet_as: str) -> None:
        super().__init__(local_hostname=greet_as)
        self._host = host
        #: What has arrived, and how far it has been read.
        self._buffer = b""
        self._read = 0
        #: Monotonic seconds at which the present stage has to be over.
        self.deadline = 0.0
        self.stage = Stage.CONNECT
        #: Lines of the dialogue when somebody wants to read it (the probe); commands of AUTH are masked.
        self.transcript: list[str] | None = None
        #: Called once when an open connection is closed.
        self.on_close: Callable[[], None] | None = None

    def at(self, stage: Stage, seconds: float) -> None:
        """Enter ``stage``, which has to be over in ``seconds``."""
        self.stage = stage
        self.deadline = time.monotonic() + seconds

    def open(self, family: socket.AddressFamily, address: str, port: int, context: ssl.SSLContext | None) -> None:
        """Connect; with ``context`` TLS starts at once (RFC 8314). Raises `WireFault`."""
        try:
            raw = socket.socket(family, socket.SOCK_STREAM)
            raw.settimeout(self._remaining())
            try:
                raw.connect((address, port))
                # Without it the dot of each message waits 40 ms for an acknowledgement of the body before it.
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            except BaseException:
                raw.close()
                raise
        except OSError as error:
            raise fault_of(error, self.stage) from error
        raw.setblocking(False)
        self.sock = raw
        if context is not None:
            self.wrap(context)

    def wrap(self, context: ssl.SSLContext) -> None:
        """Upgrade to TLS. Whatever the server sent before the handshake is an injection and refused (CVE-2011-0411)."""
        self.stage = Stage.TLS
        if self._read < len(self._buffer):
            raise fault(Stage.TLS, "TLS handshake failed: the server sent text where the handshake belongs")
        assert self.sock is not None
        try:
            self.sock.settimeout(self._remaining())
            # The ssl module loses the descriptor of a connection that has been reset by now; asked first, it does not.
            self.sock.getpeername()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._host)
            self.sock.setblocking(False)
        except OSError as error:
            raise fault_of(error, Stage.TLS) from error
        # RFC 3207 section 4.2: everything learnt before TLS is forgotten.
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        """Write all of it before the deadline; waits. For `smtplib`'s own commands."""
        complete(self, self.write(s.encode(self.command_encoding) if isinstance(s, str) else s))

    def getreply(self) -> tuple[int, bytes]:
        """One whole reply; waits. The lines of a multi-line reply are joined by ``\\n``. Raises `WireFault`."""
        return complete(self, self.reply())

    def write(self, data: bytes) -> Steps[None]:
        """Write all of it. Raises `WireFault`."""
        if self.sock is None:
            raise fault(self.stage, "Connection closed by the server")
        if self.transcript is not None and self.stage is not Stage.DATA:
            self._note("C", data)
        rest: bytes | memoryview = data
        while True:
            wanted = WRITE
            try:
                sent = self.sock.send(rest)
                if sent == len(rest):
                    return
                rest = memoryview(rest)[sent:]
            except (BlockingIOError, ssl.SSLWantWriteError):
                pass
            except ssl.SSLWantReadError:
                wanted = READ
            except OSError as error:
                raise fault_of(error, self.stage) from error
            yield wanted

    def reply(self) -> Steps[tuple[int, bytes]]:
        """One whole reply; the lines of a multi-line reply are joined by ``\\n``. Raises `WireFault`."""
        lines: list[bytes] = []
        while True:
            while (line := self._line()) is None:
                yield READ
                self._receive()
            if self.transcript is not None:
                self._note("S", line)
            code, text, last = _parse(line)
            if not code:
                raise fault(self.stage, f"Connection failed: the server's answer is not SMTP: {_shown(line)}")
            if last and not lines:
                return code, text
            lines.append(text)
            if last:
                return code, b"\n".join(lines)
            if len(lines) >= _MAX_LINES:
                raise fault(self.stage, "Connection failed: the server's answer has no end")

    def replies_at_hand(self, count: int) -> tuple[list[tuple[int, bytes]], int] | None:
        """Code and text of the next ``count`` replies, when all have arrived and each is one line; else `reply` has to be
        asked for them. With them goes what `pass_over` takes."""
        if self.transcript is not None:
            return None
        found, at = [], self._read
        for _ in range(count):
            end = self._buffer.find(b"\n", at)
            if end < 0:
                return None
            code, text, last = _parse(self._buffer[at:end])
            if not (code and last):
                return None
            found.append((code, text))
            at = end + 1
        return found, at

    def pass_over(self, end: int) -> None:
        """Count the replies as read that `replies_at_hand` answered."""
        self._read = end

    def has_unread(self) -> bool:
        """True when the server has said something since the last reply, or hung up; never waits."""
        if self._read < len(self._buffer) or self.sock is None:
            return True
        try:
            return self._receive()
        except WireFault:
            return True

    def fileno(self) -> int:
        """Descriptor of the socket. Raises `WireFault` when it is closed."""
        if self.sock is None:
            raise fault(self.stage, "Connection closed by the server")
        return self.sock.fileno()

    def overdue(self) -> WireFault:
        """The fault of a stage that took too long."""
        return fault_of(TimeoutError(), self.stage)

    def close(self) -> None:
        """Drop the connection without a word."""
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()
            if self.on_close is not None:
                self.on_close()

    def _line(self) -> bytes | None:
        """The next line without its end, or ``None`` while it is incomplete."""
        end = self._buffer.find(b"\n", self._read)
        if end < 0:
            if len(self._buffer) - self._read > _MAX_LINE:
                raise fault(self.stage, f"Connection failed: the server's answer has a line over {_MAX_LINE} octets")
            return None
        line = self._buffer[self._read : end]
        self._read = end + 1
        return line

    def _receive(self) -> bool:
        """Take what has arrived; False when nothing has."""
        if self.sock is None:
            raise fault(self.stage, "Connection closed by the server")
        try:
            chunk = self.sock.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            raise fault_of(error, self.stage) from error
        if not chunk:
            raise fault(self.stage, "Connection closed by the server")
        rest = self._buffer[self._read :]
        self._buffer, self._read = rest + chunk if rest else chunk, 0
        return True

    def _remaining(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _note(self, who: str, data: bytes) -> None:
        assert self.transcript is not None
        if who == "C" and self.stage is Stage.AUTH:
            verb = data.split(b" ", 2)[:2] if data[:5].upper() == b"AUTH " else []
            self.transcript.append("C: " + (b" ".join(verb).decode() + " " if verb else "") + "********")
            return
        for line in data.decode("utf-8", "replace").splitlines():
            self.transcript.append(f"{who}: {line}")


@lru_cache(maxsize=256)
def _parse(line: bytes) -> tuple[int, bytes, bool]:
    """Code, text, and whether it is the reply's last line; the code is 0 when the line is none of SMTP's."""
    code, separator = line[:3], line[3:4]
    if not (code.isdigit() and b"2" <= code[:1] <= b"5" and separator in (b" ", b"-", b"\r", b"")):
        return 0, b"", True
    return int(code), line[4:].strip(), separator != b"-"


def _shown(line: bytes) -> str:
    return ascii(line[:80].decode("utf-8", "replace"))


__all__ = ["Wire", "WireFault"]
