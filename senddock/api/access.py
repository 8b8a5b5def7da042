"""Who is calling, and what the resources work with."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app, g, request

from senddock.api.errors import ApiError
from senddock.dispatch.caller import Caller
from senddock.dispatch.channels import Channels
from senddock.dispatch.keys import Keyring
from senddock.dispatch.outbox import Outbox
from senddock.models import Database


@dataclass(frozen=True, slots=True)
class ApiServices:
    """What the resources work with."""

    database: Database
    outbox: Outbox
    wake: Callable[[], None]
    keyring: Keyring
    channels: Channels


def services() -> ApiServices:
    """Those of this app."""
    found: ApiServices = current_app.extensions["senddock_api"]
    return found


def caller() -> Caller:
    """Who presented the key of this request."""
    who: Caller = g.caller
    return who


def authenticate() -> None:
    """Before every request: a known key, or 401/403. Raises `ApiError` and `KeyRefused`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise ApiError(401, "missing_api_key", "Send your API key as `Authorization: Bearer sd_…`.")
    if token in ("None", "undefined", "null"):
        raise ApiError(
            401, "missing_api_key", f"The API key is the word {token!r}: the variable that should hold it is not set."
        )
    g.caller = services().keyring.admit(token, request.remote_addr)
