"""A door that runs in a thread of the test, with TLS, a key, and a look at what was stored."""

import asyncio
import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select

from senddock.dispatch import keys
from senddock.dispatch.key_rate import KeyRate
from senddock.dispatch.outbox import Outbox
from senddock.models import Content, Database, Delivery, Message
from senddock.submission.admission import Limits
from senddock.submission.door import Door
from senddock.submission.intake import Intake


class RunningDoor:
    """A real door on loopback: `port` with STARTTLS when there is a certificate, `tls_port` with implicit TLS."""

    def __init__(
        self,
        database: Database,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        outbox: Any = None,
        plain: Sequence[tuple[str, int]] = (("127.0.0.1", 0),),
        rate: KeyRate | None = None,
        per_second: int | None = None,
    ) -> None:
        self.database = database
        self.token = keys.create(database, "test", per_second=per_second)[1]
        self.outbox = outbox or Outbox(database, lambda: None)
        self._door = Door(
            Intake(database, self.outbox), name="door.test", tls=tls, limits=limits, rate=rate, guess_pause=0.01
        )
        self._plain, self._implicit = list(plain), [("127.0.0.1", 0)] if tls else []
        self.port = self.tls_port = 0
        self._wires: list[Wire] = []
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(ready),), daemon=True)
        self._thread.start()
        assert ready.wait(60)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        ports = await self._door.open(plain=self._plain, implicit=self._implicit)
        self.port, self.tls_port = ports[0], ports[-1]
        ready.set()
        await self._stop.wait()
        await self._door.close()

    def begin_stop(self) -> None:
        """What SIGTERM does."""
        self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self) -> None:
        """End it and wait."""
        for wire in self._wires:
            wire.close()
        if self._thread.is_alive():
            self.begin_stop()
            self._thread.join(30)
            assert not self._thread.is_alive()
        self.outbox.close()

    @contextlib.contextmanager
    def client(self, token: str | None = None, username: str = "resend") -> Iterator[smtplib.SMTP]:
        """A signed-in client."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
            client.login(username, token or self.token)
            yield client

    def send(self, data: bytes | str, to: Sequence[str] = ("ana@example.org",), sender: str = "us@example.com") -> None:
        """Hand one message over."""
        with self.client() as client:
            client.sendmail(sender, list(to), data)

    def raw(self) -> "Wire":
        """A bare connection, past its greeting."""
        self._wires.append(Wire(socket.create_connection(("127.0.0.1", self.port), timeout=60)))
        return self._wires[-1]

    def messages(self) -> list[Message]:
        """All that was stored, in order."""
        with self.database.read() as session:
            return list(session.scalars(select(Message).order_by(Message.id)))

    def content(self, message_id: str) -> Content:
        """The bytes and what is known of them."""
        with self.database.read() as session:
            found = session.get(Content, message_id)
            assert found is not None
            return found

    def recipients(self, message_id: str) -> list[str]:
        """Envelope recipients in order."""
        with self.database.read() as session:
            query = select(Delivery.recipient).where(Delivery.message_id == message_id).order_by(Delivery.id)
            return list(session.scalars(query))


class Wire:
    """SMTP by hand."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb")
        self.greeting = self.reply()

    def reply(self) -> str:
        """The next reply, all its lines."""
        lines = []
        while True:
            line = self.file.readline().decode()
            lines.append(line.rstrip("\r\n"))
            if not line or line[3:4] != "-":
                return "\n".join(lines)

    def ask(self, line: str | bytes) -> str:
        """A command and its reply."""
        self.send(line)
        return self.reply()

    def send(self, line: str | bytes) -> None:
        """A line without waiting."""
        self.sock.sendall((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def sign_in(self, token: str, username: str = "resend") -> "Wire":
        """EHLO and AUTH PLAIN."""
        import base64

        assert self.ask("EHLO client.test").startswith("250")
        response = base64.b64encode(f"\0{username}\0{token}".encode()).decode()
        assert self.ask(f"AUTH PLAIN {response}").startswith("235")
        return self

    def envelope(self, *recipients: str) -> "Wire":
        """MAIL, RCPT and DATA."""
        assert self.ask("MAIL FROM:<us@example.com>").startswith("250")
        for recipient in recipients or ("ana@example.org",):
            assert self.ask(f"RCPT TO:<{recipient}>").startswith("250")
        assert self.ask("DATA").startswith("354")
        return self

    def start_tls(self, context: ssl.SSLContext) -> None:
        """The handshake."""
        self.file.close()
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")

    def over(self) -> bool:
        """True when the server has closed the connection."""
        return self.file.read() == b""

    def close(self) -> None:
        """Close it."""
        self.file.close()
        self.sock.close()
