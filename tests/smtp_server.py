"""A scripted SMTP provider: a real TCP server on loopback that can be told what to do at each stage.

    server = ScriptedSMTP({"rcpt": reply("550 5.1.1 No such user")})
    server = ScriptedSMTP({"final_dot": [reset()]})          # the first time only; then it behaves

Stages: connect, greeting, ehlo, starttls, tls, auth, mail, rcpt, data, body, final_dot, reply, quit. At ``reply`` the message
counts as taken and no answer leaves.
"""

import base64
import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

#: Seconds until something that did not happen counts as missing; long, because a busy machine is no defect.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens instead of the ordinary answer."""

    kind: str
    data: bytes = b""


def reply(line: str) -> Fault:
    """Answer this line (``\\n`` between the lines of a multi-line reply) and go on."""
    return Fault("reply", line.replace("\n", "\r\n").encode() + b"\r\n")


def stall() -> Fault:
    """Never answer; the connection stays open until the server is closed."""
    return Fault("stall")


def reset() -> Fault:
    """Cut the connection with RST."""
    return Fault("reset")


def close() -> Fault:
    """Close the connection in order."""
    return Fault("close")


def garbage(data: bytes) -> Fault:
    """Answer bytes that are no reply, then close."""
    return Fault("garbage", data)


#: One fault for ever, a list of faults for the first times (``None``: behave), or a decision by the command's argument.
Script = Fault | Sequence[Fault | None] | Callable[[str], Fault | None]


@dataclass(slots=True)
class Taken:
    """A message the server took."""

    mail_from: str
    recipients: list[str]
    data: bytes
    parameters: str
    session: int
    tls: bool
    user: str | None
    at: float


@dataclass(slots=True)
class _Session:
    number: int
    sock: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    tls: bool = False
    user: str | None = None
    mail_from: str | None = None
    parameters: str = ""
    recipients: list[str] = field(default_factory=list)


class _Over(Exception):
    """This connection has ended."""


class ScriptedSMTP:
    """Serves until `stop`; every connection has a thread."""

    def __init__(
        self,
        script: Mapping[str, Script] | None = None,
        *,
        tls: str = "none",
        context: ssl.SSLContext | None = None,
        users: Mapping[str, str] | None = None,
        extensions: Sequence[str] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"),
        size: int | None = None,
        mechanisms: str = "PLAIN LOGIN",
    ) -> None:
        self.script: dict[str, Script] = dict(script or {})
        self._times: dict[str, int] = {}
        self._tls, self._context = tls, context
        self._users = users
        self._extensions = list(extensions)
        if size is not None:
            self._extensions.append(f"SIZE {size}")
        self._mechanisms = mechanisms
        self.taken: list[Taken] = []
        self.commands: list[str] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def wait_for(self, count: int, timeout: float = PATIENCE) -> list[Taken]:
        """The messages taken, as soon as there are ``count``; fails the test after ``timeout`` seconds."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.taken) >= count, timeout), (
                f"{len(self.taken)} of {count} messages arrived"
            )
            return list(self.taken)

    def wait_for_command(self, start: str, timeout: float = PATIENCE) -> None:
        """Until a command that begins with ``start`` has been read."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(line.startswith(start) for line in self.commands), timeout), start

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(5)
        with self._changed:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self._open.add(sock)
                number = self.connections
            thread = threading.Thread(target=self._serve, args=(sock, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        session = _Session(number, sock)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._step(session, "connect", "")
            if self._tls == "ssl":
                self._upgrade(session)
            self._say(session, "greeting", "220 scripted ESMTP")
            while True:
                line = self._line(session)
                with self._changed:
                    self.commands.append(line)
                    self._changed.notify_all()
                self._command(session, line)
        except (_Over, OSError):
            pass
        finally:
            with self._changed:
                self._open.discard(sock)
            session.sock.close()

    def _upgrade(self, session: _Session) -> None:
        self._step(session, "tls", "")
        assert self._context is not None
        before = session.sock
        session.sock = self._context.wrap_socket(session.sock, server_side=True)
        session.tls = True
        with self._changed:
            self._open.discard(before)
            self._open.add(session.sock)

    def _command(self, session: _Session, line: str) -> None:
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        if verb in ("EHLO", "HELO"):
            self._say(session, "ehlo", self._greeting(session))
        elif verb == "STARTTLS":
            self._say(session, "starttls", "220 2.0.0 go ahead")
            self._upgrade(session)
        elif verb == "AUTH":
            self._auth(session, rest)
        elif verb == "MAIL":
            self._mail(session, rest)
        elif verb == "RCPT":
            self._rcpt(session, rest)
        elif verb == "DATA":
            self._data(session)
        elif verb == "RSET":
            session.mail_from, session.recipients = None, []
            self._send(session, "250 2.0.0 Ok")
        elif verb == "QUIT":
            self._say(session, "quit", "221 2.0.0 Bye")
            raise _Over
        elif verb == "NOOP":
            self._send(session, "250 2.0.0 Ok")
        else:
            self._send(session, "500 5.5.2 unknown command")

    def _greeting(self, session: _Session) -> str:
        lines = ["scripted", *self._extensions]
        if self._tls == "starttls" and not session.tls:
            lines.append("STARTTLS")
        elif self._users is not None:
            lines.append(f"AUTH {self._mechanisms}")
        return "\n".join(f"250{'-' if number < len(lines) else ' '}{text}" for number, text in enumerate(lines, 1))

    def _auth(self, session: _Session, rest: str) -> None:
        mechanism, _, first = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = base64.b64decode(first).decode().split("\0")
        else:
            self._send(session, "334 VXNlcm5hbWU6")
            user = base64.b64decode(self._line(session)).decode()
            self._send(session, "334 UGFzc3dvcmQ6")
            password = base64.b64decode(self._line(session)).decode()
        if self._users is not None and self._users.get(user) == password:
            session.user = user
            self._say(session, "auth", "235 2.7.0 welcome")
        else:
            self._say(session, "auth", "535 5.7.8 Authentication failed")

    def _mail(self, session: _Session, rest: str) -> None:
        found = re.match(r"FROM:<([^>]*)>(.*)", rest, re.IGNORECASE)
        assert found, rest
        good = self._say(session, "mail", "250 2.1.0 Ok", found.group(1))
        session.recipients = []
        session.mail_from = found.group(1) if good else None
        session.parameters = found.group(2).strip()

    def _rcpt(self, session: _Session, rest: str) -> None:
        found = re.match(r"TO:<([^>]*)>", rest, re.IGNORECASE)
        assert found, rest
        if session.mail_from is None:
            self._send(session, "503 5.5.1 need MAIL first")
        elif self._say(session, "rcpt", "250 2.1.5 Ok", found.group(1)):
            session.recipients.append(found.group(1))

    def _data(self, session: _Session) -> None:
        if not session.recipients:
            self._send(session, "503 5.5.1 no valid recipients")
            return
        if not self._say(session, "data", "354 go ahead"):
            return
        self._step(session, "body", "")
        lines = []
        while (line := self._raw_line(session)) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        taken = Taken(
            session.mail_from or "",
            session.recipients,
            b"".join(lines),
            session.parameters,
            session.number,
            session.tls,
            session.user,
            time.monotonic(),
        )
        session.mail_from, session.recipients = None, []
        fault = self._fault("final_dot", taken.mail_from)
        if fault is not None:
            self._act(session, fault)
            return
        with self._changed:
            self.taken.append(taken)
            self._changed.notify_all()
        self._say(session, "reply", f"250 2.0.0 Ok: queued as {len(self.taken):08X}")

    def _fault(self, stage: str, argument: str) -> Fault | None:
        script = self.script.get(stage)
        if script is None or isinstance(script, Fault):
            return script
        if callable(script):
            return script(argument)
        with self._changed:
            times = self._times.get(stage, 0)
            self._times[stage] = times + 1
        return script[times] if times < len(script) else None

    def _say(self, session: _Session, stage: str, ordinary: str, argument: str = "") -> bool:
        """Answer; True when the answer was a positive one."""
        fault = self._fault(stage, argument)
        if fault is None:
            self._send(session, ordinary)
            return ordinary[0] in "23"
        self._act(session, fault)
        return fault.data[:1] in (b"2", b"3")

    def _step(self, session: _Session, stage: str, argument: str) -> None:
        fault = self._fault(stage, argument)
        if fault is not None:
            self._act(session, fault)

    def _act(self, session: _Session, fault: Fault) -> None:
        if fault.kind == "reply":
            session.sock.sendall(fault.data)
            if fault.data.startswith(b"421"):
                raise _Over
            return
        if fault.kind == "stall":
            self._closing.wait()
        if fault.kind == "garbage":
            with contextlib.suppress(OSError):
                session.sock.sendall(fault.data)
        if fault.kind == "reset":
            session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Over

    def _send(self, session: _Session, text: str) -> None:
        session.sock.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")

    def _line(self, session: _Session) -> str:
        return self._raw_line(session).rstrip(b"\r\n").decode("utf-8", "replace")

    def _raw_line(self, session: _Session) -> bytes:
        while (end := session.buffer.find(b"\n")) < 0:
            chunk = session.sock.recv(65536)
            if not chunk:
                raise _Over
            session.buffer += chunk
        line = bytes(session.buffer[: end + 1])
        del session.buffer[: end + 1]
        return line


#: Bound and not listening: a port that was let go would soon be somebody else's.
_CLOSED: list[socket.socket] = []


def closed_port() -> int:
    """A port that refuses connections for as long as this process lives."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    _CLOSED.append(sock)
    return int(sock.getsockname()[1])


@contextlib.contextmanager
def blackhole() -> Iterator[int]:
    """A port that takes no more connections and refuses none: SYNs are dropped, so a connect waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            yield int(port)
