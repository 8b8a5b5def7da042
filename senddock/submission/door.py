"""The door: its listeners, its connections, and how it stops."""

import asyncio
import collections
import logging
import resource
import ssl
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from senddock.dispatch.key_rate import KeyRate
from senddock.dispatch.submission import Receipt
from senddock.submission.admission import Admission, Limits
from senddock.submission.connection import Connection
from senddock.submission.intake import Intake, Standing
from senddock.submission.listening import CannotListen

log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")
#: Octets that are read from a connection at a time.
_CHUNK = 65_536
#: Seconds between two looks for sessions that are idle for too long.
_SWEEP = 5.0
#: Seconds for which messages under way are waited for when the door is told to stop.
_LAST_WORDS = 25.0
#: Seconds that a TLS handshake may take.
_HANDSHAKE = 30.0


class Door:
    """One for each process; lives in one event loop."""

    def __init__(
        self,
        intake: Intake,
        *,
        name: str,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        standing: Standing | None = None,
        rate: KeyRate | None = None,
        guess_pause: float = 1.0,
    ) -> None:
        """``standing`` lets every client in without a key: for measuring with clients that cannot sign in.

        ``rate`` counts the messages of keys that have a limit of their own, together with their HTTP requests.
        """
        self.intake = intake
        self.name = name
        self.tls = tls
        self.limits = limits or Limits()
        self.standing = standing
        self.rate = rate
        self.guess_pause = guess_pause
        self.admission = Admission(self.limits)
        self.stopping = False
        #: Set by `open`.
        self.loop: asyncio.AbstractEventLoop
        self.incoming = memoryview(bytearray(_CHUNK))
        self._outcomes: collections.deque[tuple[Connection, Receipt | Exception]] = collections.deque()
        self._telling = False
        self._connections: dict[Connection, None] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        # Only keys and large messages are looked at in threads; commits have a thread of their own.
        self._pool = ThreadPoolExecutor(4, "door")

    async def open(self, *, plain: Sequence[tuple[str, int]], implicit: Sequence[tuple[str, int]] = ()) -> list[int]:
        """Listen; answers the ports in order. Raises `CannotListen`."""
        self.loop = asyncio.get_running_loop()
        _raise_descriptor_limit()
        for address, tls in [*((item, False) for item in plain), *((item, True) for item in implicit)]:
            try:
                server = await self.loop.create_server(
                    lambda tls=tls: Connection(self, tls=tls),
                    *address,
                    backlog=1024,
                    ssl=self.tls if tls else None,
                    ssl_handshake_timeout=_HANDSHAKE if tls else None,
                )
            except OSError as error:
                await self.close()
                raise CannotListen(address, error) from error
            self._servers.append(server)
        self.spawn(self._sweep())
        return [server.sockets[0].getsockname()[1] for server in self._servers]

    async def close(self) -> None:
        """Take no more; wait for messages under way, at most 25 seconds, and close."""
        self.stopping = True
        for server in self._servers:
            server.close()
        deadline = self.now() + _LAST_WORDS
        while self._connections and self.now() < deadline:
            for connection in list(self._connections):
                if not connection.at_work:
                    connection.hang_up("421 4.3.2 The server is stopping")
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.hang_up("421 4.3.2 The server is stopping")
        for task in list(self._tasks):
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def now(self) -> float:
        """Seconds on the loop's clock."""
        return self.loop.time()

    def enter(self, connection: Connection) -> str | None:
        """A connection was made; the reply when it cannot stay."""
        self._connections[connection] = None
        fits = self.admission.enter(connection.address)
        if self.stopping:
            return "421 4.3.2 The server is stopping"
        if not fits:
            return "421 4.7.0 Too many connections from this address"
        if len(self._connections) > self.limits.connections and not self._evict():
            return "421 4.3.2 Too many connections"
        return None

    def leave(self, connection: Connection) -> None:
        """A connection is over."""
        if connection in self._connections:
            del self._connections[connection]
            self.admission.leave(connection.address)

    async def secure(self, transport: asyncio.Transport, connection: Connection) -> asyncio.Transport | None:
        """Speak TLS from here on, or end the connection when that fails."""
        assert self.tls is not None
        try:
            return await self.loop.start_tls(
                transport, connection, self.tls, server_side=True, ssl_handshake_timeout=_HANDSHAKE
            )
        except OSError as error:
            log.info("TLS with %s failed: %s", connection.address, error)
            transport.abort()
            connection.connection_lost(error)
            return None

    def tell(self, connection: Connection, outcome: Receipt | Exception) -> None:
        """What became of a message; called from another thread. The loop is woken once for a whole commit."""
        self._outcomes.append((connection, outcome))
        if not self._telling:
            self._telling = True
            self.loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        # In this order: what is appended from here on wakes the loop again.
        self._telling = False
        while self._outcomes:
            connection, outcome = self._outcomes.popleft()
            connection.decided(outcome)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the connections."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def in_thread(self, function: Callable[_P, _T], *arguments: _P.args, **_: _P.kwargs) -> _T:
        """Run what blocks."""
        return await self.loop.run_in_executor(self._pool, function, *arguments)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a session met a defect", exc_info=task.exception())

    def _evict(self) -> bool:
        """Make room: the session that has been silent longest without having signed in goes."""
        idle = [item for item in self._connections if not (item.signed_in or item.at_work)]
        oldest = min(idle[:-1], key=lambda item: item.deadline, default=None)
        if oldest is None:
            return False
        oldest.hang_up("421 4.3.2 Too many connections")
        return True

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            now = self.now()
            for connection in [item for item in self._connections if item.deadline < now]:
                connection.give_up()


def _raise_descriptor_limit() -> None:
    """Every session needs a descriptor; the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
