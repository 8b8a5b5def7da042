"""The socket under a session: commands out, replies in, each stage with one deadline.

`smtplib` knows EHLO parsing, STARTTLS and the AUTH mechanisms; its reading of replies is replaced because it has no
deadline over a whole reply (a server that sends one byte every nine seconds would hold it for ever), no bound on the
number of lines, and drops the stage.
"""

import smtplib
import socket
import ssl
import time

from senddock.domain.reply import Stage
from senddock.smtp.fault import WireFault, fault, fault_of

#: RFC 5321 section 4.5.3.1.5 allows 512 octets; real servers send more, hostile ones send no end.
_MAX_LINE = 16 * 1024
_MAX_LINES = 128


class Wire(smtplib.SMTP):
    """An SMTP connection whose reads and writes raise `WireFault` with the stage they happened at."""

    def __init__(self, host: str, greet_as: str) -> None:
        super().__init__(local_hostname=greet_as)
        self._host = host
        self._buffer = bytearray()
        self._deadline = 0.0
        self.stage = Stage.CONNECT
        #: Lines of the dialogue when somebody wants to read it (the probe); commands of AUTH are masked.
        self.transcript: list[str] | None = None

    def at(self, stage: Stage, seconds: float) -> None:
        """Enter ``stage``, which has to be over in ``seconds``."""
        self.stage = stage
        self._deadline = time.monotonic() + seconds

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
        self.sock = raw
        if context is not None:
            self.wrap(context)

    def wrap(self, context: ssl.SSLContext) -> None:
        """Upgrade to TLS. Whatever the server sent before the handshake is an injection and refused (CVE-2011-0411)."""
        self.stage = Stage.TLS
        if self._buffer:
            raise fault(Stage.TLS, "TLS handshake failed: the server sent text where the handshake belongs")
        assert self.sock is not None
        try:
            self.sock.settimeout(self._remaining())
            self.sock = context.wrap_socket(self.sock, server_hostname=self._host)
        except OSError as error:
            raise fault_of(error, Stage.TLS) from error
        # RFC 3207 section 4.2: everything learnt before TLS is forgotten.
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        """Write all of it before the deadline."""
        data = s.encode(self.command_encoding) if isinstance(s, str) else s
        if self.sock is None:
            raise fault(self.stage, "Connection closed by the server")
        if self.transcript is not None and self.stage is not Stage.DATA:
            self._note("C", data)
        try:
            self.sock.settimeout(self._remaining())
            self.sock.sendall(data)
        except OSError as error:
            raise fault_of(error, self.stage) from error

    def getreply(self) -> tuple[int, bytes]:
        """One whole reply; the lines of a multi-line reply are joined by ``\\n``. Raises `WireFault`."""
        lines: list[bytes] = []
        while True:
            line = self._line()
            if self.transcript is not None:
                self._note("S", line)
            code, separator = line[:3], line[3:4]
            if not (code.isdigit() and b"2" <= code[:1] <= b"5" and separator in (b" ", b"-", b"")):
                raise fault(self.stage, f"Connection failed: the server's answer is not SMTP: {_shown(line)}")
            lines.append(line[4:].strip())
            if separator != b"-":
                return int(code), b"\n".join(lines)
            if len(lines) >= _MAX_LINES:
                raise fault(self.stage, "Connection failed: the server's answer has no end")

    def has_unread(self) -> bool:
        """True when the server has said something (or hung up) since the last reply: the session is stale."""
        if self._buffer or self.sock is None:
            return True
        self.sock.settimeout(0)
        try:
            # On TLS a peek is not possible; a readable plain socket with nothing expected is stale all the same.
            if isinstance(self.sock, ssl.SSLSocket):
                return bool(self.sock.pending()) or _readable(self.sock)
            self.sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Drop the connection without a word."""
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()

    def _line(self) -> bytes:
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[:end]).rstrip(b"\r")
                del self._buffer[: end + 1]
                return line
            searched = len(self._buffer)
            if searched > _MAX_LINE:
                raise fault(self.stage, f"Connection failed: the server's answer has a line over {_MAX_LINE} octets")
            self._fill()

    def _fill(self) -> None:
        if self.sock is None:
            raise fault(self.stage, "Connection closed by the server")
        try:
            self.sock.settimeout(self._remaining())
            chunk = self.sock.recv(16384)
        except OSError as error:
            raise fault_of(error, self.stage) from error
        if not chunk:
            raise fault(self.stage, "Connection closed by the server")
        self._buffer += chunk

    def _remaining(self) -> float:
        left = self._deadline - time.monotonic()
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


def _readable(sock: socket.socket) -> bool:
    import select

    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _shown(line: bytes) -> str:
    return ascii(line[:80].decode("utf-8", "replace"))


__all__ = ["Wire", "WireFault"]
