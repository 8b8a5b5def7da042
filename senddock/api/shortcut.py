"""Submissions without Flask's machinery: its contexts, routing, hooks and response objects took half of a single send.

Only `POST /api/emails` and `/api/emails/batch` in exactly these spellings are answered here, by the functions that Flask's
views call too; everything else goes on to the app (docs/adr/0039).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any

from senddock.api import sending
from senddock.api.answers import Reply
from senddock.api.call import Call
from senddock.api.failures import failed
from senddock.api.services import ApiServices

_ACTIONS = {"/api/emails": sending.one, "/api/emails/batch": sending.several}
_SLASHES = re.compile("/+")
_STATUS = {int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus}


class Shortcut:
    """WSGI middleware."""

    def __init__(self, app: Any, services: Callable[[], ApiServices], fields: Sequence[tuple[str, str]]) -> None:
        """``fields`` are header fields that every answer of the house has."""
        self._app = app
        self._services = services
        self._fields = list(fields)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a submission, or let the app answer."""
        if "//" in environ["PATH_INFO"] and _SLASHES.sub("/", environ["PATH_INFO"]).startswith("/api/"):
            # A base address that ends with a slash: some SDKs put another one behind it, and not all follow a redirect.
            environ["PATH_INFO"] = _SLASHES.sub("/", environ["PATH_INFO"])
        action = _ACTIONS.get(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
        if action is None:
            found: Iterable[bytes] = self._app(environ, start_response)
            return found
        call = Call(environ, self._services())
        reply = _answered(action, call)
        told = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(reply.body))),
            *reply.headers,
            *call.limits(),
            *self._fields,
        ]
        start_response(_STATUS[reply.status], told)
        return (reply.body,)


def _answered(action: Callable[[Call], Reply], call: Call) -> Reply:
    try:
        call.authenticate()
        return action(call)
    except Exception as error:  # noqa: BLE001 - as Flask's handler does: every failure is flat JSON
        return failed(error, call)
