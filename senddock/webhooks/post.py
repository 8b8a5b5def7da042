"""One POST to an endpoint: to the address that was checked, without redirects, bounded in time and size."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from senddock.webhooks.target import BadTarget, Target, parse, resolve

#: Seconds for connecting, and for each wait after it.
TIMEOUT = 15.0
#: Octets of an answer that are read and kept for the log.
_READ, _KEPT = 16 * 1024, 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or why there is none."""

    status: int | None
    error: str | None
    text: str
    seconds: float
    #: Seconds the endpoint asked to be left alone for (Retry-After).
    retry_after: int | None = None

    @property
    def delivered(self) -> bool:
        """Only 2xx is; a redirect is not followed, so that nobody leads a signed event elsewhere."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def reached(self) -> bool:
        """The endpoint said something."""
        return self.status is not None


def post(
    url: str,
    body: str,
    headers: Mapping[str, str],
    *,
    private_network: bool = False,
    timeout: float = TIMEOUT,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send ``body`` as JSON. Never raises for what the network or the endpoint does."""
    started = time.monotonic()
    try:
        target = parse(url, private_network=private_network)
        address = resolve(target, private_network=private_network)
        status, text, retry_after = _exchange(target, address, body.encode(), headers, started + timeout, tls)
    except BadTarget as error:
        return Answer(None, str(error), "", time.monotonic() - started)
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, _in_words(error, timeout), "", time.monotonic() - started)
    return Answer(status, None, text, time.monotonic() - started, retry_after)


def _exchange(
    target: Target, address: str, body: bytes, headers: Mapping[str, str], deadline: float, tls: ssl.SSLContext | None
) -> tuple[int, str, int | None]:
    connection = http.client.HTTPConnection(target.host, target.port)
    sock: socket.socket = socket.create_connection((address, target.port), timeout=_left(deadline))
    try:
        if target.https:
            # The name is checked against the certificate although the address is connected to.
            sock = (tls or ssl.create_default_context()).wrap_socket(sock, server_hostname=target.host)
        connection.sock = sock
        sock.settimeout(_left(deadline))
        fields = {"Host": target.authority, "Content-Type": "application/json", "User-Agent": "SendDock-Webhooks/1"}
        connection.request("POST", target.path, body=body, headers={**fields, **headers, "Connection": "close"})
        response = connection.getresponse()
        asked = response.getheader("Retry-After", "")
        sock.settimeout(_left(deadline))
        text = response.read(_READ).decode("utf-8", "replace")[:_KEPT]
        return response.status, text, int(asked) if asked.isascii() and asked.isdigit() else None
    finally:
        connection.close()
        sock.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _in_words(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:.0f} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "its name is not found in the DNS"
    return str(error) or type(error).__name__
