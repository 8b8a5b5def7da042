"""The only file that knows HTMX's headers: one address serves the page and its fragment."""

from typing import Any

from flask import Response, make_response, redirect, render_template
from htmx_flask import request

_VARY = "HX-Request, HX-History-Restore-Request, HX-Boosted"


def wants_fragment() -> bool:
    """True when HTMX asks for a part; a restored history entry or a boosted link wants the whole page."""
    asked = request.htmx
    return bool(asked) and not asked.history_restore_request and not asked.boosted


def page_or_fragment(page_template: str, fragment: str, /, *, http_status: int = 200, **context: Any) -> Response:
    """Render the one that is asked for; caches are told that the address has two answers."""
    response = make_response(render_template(fragment if wants_fragment() else page_template, **context), http_status)
    response.headers["Vary"] = _VARY
    return response


def redirect_to(url: str) -> Response:
    """After a form: 303 for a browser, HX-Redirect for HTMX."""
    if wants_fragment():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, code=303))
