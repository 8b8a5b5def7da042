"""One request to an address that was checked: connected to as it is, the certificate checked for the name, one deadline."""

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any

from senddock.http.target import Target


@contextlib.contextmanager
def exchange(
    method: str,
    target: Target,
    address: str,
    *,
    headers: Mapping[str, str],
    deadline: float,
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """The response, its body still to be read. ``deadline`` is a moment of ``time.monotonic`` for everything together.

    Raises ``OSError`` (``TimeoutError`` past the deadline) and ``http.client.HTTPException``; redirects are not followed.
    """
    connection = http.client.HTTPConnection(target.host, target.port)
    sock: socket.socket = socket.create_connection((address, target.port), timeout=_left(deadline))
    try:
        if target.https:
            sock.settimeout(_left(deadline))
            # The name is checked against the certificate although the address is connected to.
            sock = (tls or ssl.create_default_context()).wrap_socket(sock, server_hostname=target.host)
        connection.sock = _Timed(sock, deadline)
        connection.request(
            method, target.path, body=body, headers={"Host": target.authority, **headers, "Connection": "close"}
        )
        yield connection.getresponse()
    finally:
        connection.close()
        sock.close()


def in_words(error: Exception, seconds: float) -> str:
    """What `exchange` raised, as the end of a sentence."""
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:.0f} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "its name is not found in the DNS"
    return str(error) or type(error).__name__


class _Timed:
    """A socket of which each step gets what is left: a time-out for each `recv` alone lets a slow drip last for hours."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(_left(self._deadline))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock, self._deadline))

    def close(self) -> None:
        """The connection lets go of its socket before the body is read: `exchange` closes it at its end."""


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
