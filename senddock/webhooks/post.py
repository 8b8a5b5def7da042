"""One POST to an endpoint: to the address that was checked, without redirects, bounded in time and size."""

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from senddock.domain.webhook_schedule import asked_pause
from senddock.http.exchange import exchange, in_words
from senddock.http.target import BadTarget, PrivateTarget, parse, resolve

#: Seconds for everything together.
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
        fields = {"Content-Type": "application/json", "User-Agent": "SendDock-Webhooks/1", **headers}
        with exchange(
            "POST", target, address, body=body.encode(), headers=fields, deadline=started + timeout, tls=tls
        ) as response:
            asked = response.getheader("Retry-After", "")
            text = response.read(_READ).decode("utf-8", "replace")[:_KEPT]
            retry_after = asked_pause(asked, datetime.now(UTC))
            return Answer(response.status, None, text, time.monotonic() - started, retry_after)
    except BadTarget as error:
        return Answer(None, refusal(error), "", time.monotonic() - started)
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, in_words(error, timeout), "", time.monotonic() - started)


def refusal(error: BadTarget) -> str:
    """Why an address is not called, and the way out that an endpoint has."""
    if isinstance(error, PrivateTarget):
        return f"{str(error).rstrip('.')}, or allow it for this endpoint."
    return str(error)
