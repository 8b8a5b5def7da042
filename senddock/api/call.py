"""One request to the API as WSGI hands it over: what both ways in (Flask's and the short one) work with."""

import re
from typing import Any

from gunicorn.http.errors import ParseException
from werkzeug.wsgi import get_host, get_input_stream

from senddock.api.errors import ApiError
from senddock.api.services import ApiServices
from senddock.dispatch.caller import Caller
from senddock.dispatch.channels import Channel
from senddock.dispatch.key_rate import Taken

#: Types of `Content-Type` that are read as JSON; none at all is, too.
_JSON = re.compile(r"application/(json|[a-z0-9.+-]+\+json)|text/json")


class Call:
    """A request with its key, once `authenticate` has let it in."""

    def __init__(self, environ: dict[str, Any], services: ApiServices) -> None:
        self.environ = environ
        self.services = services
        self.taken: Taken | None = None
        self._caller: Caller | None = None
        self._channels: dict[str | None, Channel] = {}

    @property
    def caller(self) -> Caller:
        """Who presented the key."""
        assert self._caller is not None
        return self._caller

    @property
    def server(self) -> str:
        """The address of this server as the caller reaches it, without a slash at its end."""
        return self.services.public_url or f"{self.environ['wsgi.url_scheme']}://{get_host(self.environ)}"

    def header(self, name: str) -> str | None:
        """A header field; ``name`` in capitals with underscores."""
        value: str | None = self.environ.get(f"HTTP_{name}")
        return value

    def body(self) -> bytes:
        """The octets, said to be JSON. Raises `ApiError` 400 and 415, and what `get_input_stream` raises for 413."""
        kind = self.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if kind and not _JSON.fullmatch(kind):
            said = f"The body is {kind}: send JSON with Content-Type: application/json."
            raise ApiError(415, "validation_error", said)
        if (self.header("CONTENT_ENCODING") or "identity").lower() != "identity":
            raise ApiError(415, "validation_error", "The body is compressed: send it without Content-Encoding.")
        try:
            return get_input_stream(self.environ, max_content_length=self.services.max_body).read()
        except (OSError, ParseException) as error:
            # What gunicorn says of a client that is gone, and of chunks that are none.
            raise ApiError(
                400, "validation_error", "The body broke off, or is not in chunks as it was said."
            ) from error

    def authenticate(self) -> None:
        """Before anything else: a known key within its limit, or 401, 403, 429. Raises `ApiError` and `KeyRefused`."""
        scheme, _, token = (self.header("AUTHORIZATION") or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise ApiError(401, "missing_api_key", "Send your API key as `Authorization: Bearer sd_…`.")
        if token in ("None", "undefined", "null"):
            said = f"The API key is the word {token!r}: the variable that should hold it is not set."
            raise ApiError(401, "missing_api_key", said)
        self._caller = who = self.services.keyring.admit(token, self.environ.get("REMOTE_ADDR"))
        self.taken = taken = self.services.rate.take(who)
        if not taken.granted:
            said = f"This API key may make {taken.limit} requests a second: wait {taken.reset} s, or send batches."
            raise ApiError(429, "rate_limit_exceeded", said)

    def limits(self) -> list[tuple[str, str]]:
        """How much is left, in the header fields that the SDKs read."""
        taken = self.taken
        if taken is None:
            return []
        told = [
            ("ratelimit-limit", str(taken.limit)),
            ("ratelimit-remaining", str(taken.remaining)),
            ("ratelimit-reset", str(taken.reset)),
        ]
        return told if taken.granted else [*told, ("retry-after", str(taken.reset))]

    def channel(self, named: str | None) -> Channel:
        """The stream of a submission: by header, by its own member, or by the key. Raises `Refused`."""
        wanted = self.header("X_SENDDOCK_STREAM") or named or None
        known = self._channels.get(wanted)
        if known is None:
            known = self._channels[wanted] = self.services.channels.of(self.caller, wanted)
        return known
