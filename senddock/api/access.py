"""Who is calling, and what the resources work with."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app, g, request

from senddock.api.errors import ApiError
from senddock.dispatch.keys import Caller, Keyring
from senddock.dispatch.mailing import Channel, channel_of
from senddock.dispatch.outbox import Outbox
from senddock.models import Database


class Channels:
    """Streams by name, remembered for some seconds: each submission asks for one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[Any, ...], tuple[float, Channel]] = {}

    def of(self, who: Caller, wanted: str | None) -> Channel:
        """Where a submission of ``who`` goes. Raises `Refused`."""
        key = (who.key_id, who.project_id, who.stream_id, wanted)
        known = self._known.get(key)
        if known is not None and time.monotonic() - known[0] < 5:
            return known[1]
        channel = channel_of(self._database, via="api", project_id=who.project_id, stream=wanted, api_key_id=who.key_id)
        if who.stream_id is not None:
            if wanted is not None and channel.stream_id != who.stream_id:
                raise ApiError(403, "validation_error", "This API key is tied to another stream.")
            channel = Channel(who.project_id, who.stream_id, "api", who.key_id)
        self._known[key] = (time.monotonic(), channel)
        return channel


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
    """Before every request: a known key, or 401/403. Raises `ApiError`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise ApiError(401, "missing_api_key", "Send your API key as `Authorization: Bearer sd_…`.")
    if token in ("None", "undefined", "null"):
        raise ApiError(
            401, "missing_api_key", f"The API key is the word {token!r}: the variable that should hold it is not set."
        )
    who = services().keyring.recognise(token)
    if who is None:
        raise ApiError(403, "invalid_api_key", "The API key is not known, or was revoked: make one under API Keys.")
    if not who.admits(request.remote_addr):
        raise ApiError(403, "invalid_api_key", "The API key may not be used from this address.")
    g.caller = who
