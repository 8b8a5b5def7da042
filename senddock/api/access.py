"""Who is calling, how often they may, and what the resources work with."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, current_app, g, request

from senddock.api.errors import ApiError
from senddock.api.fetching import Fetcher
from senddock.dispatch.caller import Caller
from senddock.dispatch.channels import Channels
from senddock.dispatch.key_rate import KeyRate, Taken
from senddock.dispatch.keys import Keyring
from senddock.dispatch.outbox import Outbox
from senddock.dispatch.sender_advice import SenderAdvice
from senddock.models import Database


@dataclass(frozen=True, slots=True)
class ApiServices:
    """What the resources work with."""

    database: Database
    outbox: Outbox
    wake: Callable[[], None]
    keyring: Keyring
    channels: Channels
    rate: KeyRate
    public_url: str | None
    #: What is said of senders that receivers will not like.
    advice: SenderAdvice
    #: Fetches attachments given by ``path``; ``None`` refuses them.
    fetcher: Fetcher | None = None


def services() -> ApiServices:
    """Those of this app."""
    found: ApiServices = current_app.extensions["senddock_api"]
    return found


def server() -> str:
    """The address of this server as the caller reaches it, without a slash at its end."""
    return services().public_url or request.host_url.rstrip("/")


def caller() -> Caller:
    """Who presented the key of this request."""
    who: Caller = g.caller
    return who


def authenticate() -> None:
    """Before every request: a known key within its limit, or 401, 403, 429. Raises `ApiError` and `KeyRefused`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise ApiError(401, "missing_api_key", "Send your API key as `Authorization: Bearer sd_…`.")
    if token in ("None", "undefined", "null"):
        raise ApiError(
            401, "missing_api_key", f"The API key is the word {token!r}: the variable that should hold it is not set."
        )
    who = services().keyring.admit(token, request.remote_addr)
    g.caller = who
    g.taken = taken = services().rate.take(who)
    if not taken.granted:
        raise ApiError(
            429,
            "rate_limit_exceeded",
            f"This API key may make {taken.limit} requests a second: wait {taken.reset} s, or send batches.",
        )


def tell_limits(response: Response) -> Response:
    """After every request with a key: how much is left, in the fields that the SDKs read."""
    taken: Taken | None = g.get("taken")
    if taken is not None:
        response.headers["ratelimit-limit"] = str(taken.limit)
        response.headers["ratelimit-remaining"] = str(taken.remaining)
        response.headers["ratelimit-reset"] = str(taken.reset)
        if not taken.granted:
            response.headers["retry-after"] = str(taken.reset)
    return response
