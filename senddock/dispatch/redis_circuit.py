"""The client for Redis that every process uses: it gives up soon, and is not asked again before Redis answers.

A Redis that is dead refuses at once. One that hangs (stopped, swapping, behind a network that drops packets) takes the
connection and says nothing, and each question would wait for it. Here the first one waits two seconds and opens the
circuit; from then on every question is refused without being asked, while a thread asks PING until there is an answer.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

log = logging.getLogger(__name__)

#: Seconds that a question waits for its answer. Redis answers within a millisecond; a machine that is busy for longer than
#: this would only be asked more by not being left alone.
ANSWER = 2.0
#: Seconds between two questions whether it is back.
_AGAIN = 1.0
#: Seconds beyond the time a blocking command may take by itself.
_GRACE = 5.0

_T = TypeVar("_T")


class NotAsked(RedisConnectionError):
    """Redis did not answer in time a moment ago; it is not asked before it answers again."""


class Circuit:
    """Whether Redis may be asked, for one process."""

    def __init__(self, ping: Callable[[], object]) -> None:
        """``ping`` raises ``RedisError`` while there is no answer."""
        self._ping = ping
        self._lock = threading.Lock()
        #: The process in which it is open: the thread that closes it is not there in a fork.
        self._open_in: int | None = None
        self._closing = threading.Event()

    @property
    def is_open(self) -> bool:
        """True while Redis is not asked."""
        return self._open_in == os.getpid()

    def check(self) -> None:
        """Raises `NotAsked` while it is open."""
        if self.is_open:
            raise NotAsked("Redis does not answer: it is left alone until it does")

    def open(self) -> None:
        """A question was not answered in time."""
        with self._lock:
            if self.is_open:
                return
            self._open_in = os.getpid()
        log.warning("Redis did not answer within %g s: it is left alone until it does", ANSWER)
        threading.Thread(target=self._watch, name="redis-circuit", daemon=True).start()

    def close(self) -> None:
        """The client is of no more use; ends the thread that asks."""
        self._closing.set()

    def _watch(self) -> None:
        while not self._closing.wait(_AGAIN):
            try:
                self._ping()
            except RedisError as error:
                log.debug("Redis still does not answer: %s", error)
                continue
            break
        self._open_in = None


class _OnceMore(Retry):
    """One more try at once for a connection that was closed meanwhile; none for one that says nothing.

    The library's own three tries with pauses of seconds would make every request wait while Redis is away.
    """

    def __init__(self, circuit: Circuit) -> None:
        super().__init__(NoBackoff(), 1, (RedisConnectionError,))
        self._circuit = circuit

    def __deepcopy__(self, memo: dict[int, Any]) -> "_OnceMore":
        """Each connection copies its retry; what was found out is for all of them."""
        return self

    def call_with_retry(self, do: Callable[[], _T], *arguments: Any, **options: Any) -> _T:
        try:
            return super().call_with_retry(do, *arguments, **options)
        except (RedisTimeoutError, TimeoutError):
            self._circuit.open()
            raise


class _Pool(ConnectionPool):
    """Hands out no connection while the circuit is open."""

    circuit: Circuit

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        self.circuit.check()
        return super().get_connection(*arguments, **options)


class CircuitRedis(Redis):
    """A client with a circuit; commands that wait for something to come have a connection with time for that."""

    circuit: Circuit
    _url: str
    #: Clients for blocking commands, by the seconds that these may take.
    _waiting: dict[float, Redis]

    @classmethod
    def connect(cls, url: str) -> "CircuitRedis":
        """A client for ``url``; connects when it is first used."""
        circuit = Circuit(lambda: _ping(url))
        pool = _Pool.from_url(url, socket_timeout=ANSWER, socket_connect_timeout=ANSWER, retry=_OnceMore(circuit))
        pool.circuit = circuit
        made = cls(connection_pool=pool)
        made.auto_close_connection_pool = True
        made.circuit, made._url, made._waiting = circuit, url, {}
        return made

    def blpop(self, keys: Any, timeout: Any = 0) -> Any:
        """See Redis; waits ``timeout`` seconds, longer than questions may."""
        return self._waiting_for(timeout).blpop(keys, timeout)

    def blmove(self, first_list: Any, second_list: Any, timeout: Any, *arguments: Any, **options: Any) -> Any:
        """See Redis; waits ``timeout`` seconds, longer than questions may."""
        return self._waiting_for(timeout).blmove(first_list, second_list, timeout, *arguments, **options)

    def close(self) -> None:
        """Give back the connections."""
        self.circuit.close()
        while self._waiting:
            self._waiting.popitem()[1].close()
        super().close()

    def _waiting_for(self, seconds: float) -> Redis:
        self.circuit.check()
        if seconds not in self._waiting:
            self._waiting[seconds] = _plain(self._url, seconds + _GRACE)
        return self._waiting[seconds]


def _plain(url: str, seconds: float) -> Redis:
    return Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=ANSWER, retry=Retry(NoBackoff(), 0))


def _ping(url: str) -> None:
    with _plain(url, ANSWER) as client:
        client.ping()
