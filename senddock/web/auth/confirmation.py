"""Proving the password again before a page that shows or changes secrets, as `sudo` does."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import g, request, url_for

from senddock.web.htmx import redirect_to

View = TypeVar("View", bound=Callable[..., Any])


def confirmed(view: View) -> View:
    """Let a view be entered only by a person who proved the password within the last minutes.

    A form may be filled in for longer than a page may be opened, so nothing that was typed is lost to the clock.
    """

    @functools.wraps(view)
    def entered(*args: Any, **kwargs: Any) -> Any:
        if g.person.confirmed_for(filling=request.method != "GET", now=datetime.now(UTC)):
            return view(*args, **kwargs)
        back = (
            request.full_path if request.method == "GET" else request.headers.get("HX-Current-URL") or request.referrer
        )
        return redirect_to(url_for("auth.confirm", next=local_address(back)))

    return entered  # type: ignore[return-value]


def local_address(text: str | None) -> str:
    """Only addresses of this panel: a link from outside must not send a person elsewhere afterwards."""
    text = (text or "").removeprefix(request.host_url.rstrip("/")).rstrip("?")
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) else "/"
