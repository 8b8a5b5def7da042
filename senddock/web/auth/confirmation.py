"""Proving the password again before a page that shows or changes secrets, as `sudo` does."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import g, request, session, url_for

from senddock.dispatch import sessions
from senddock.web.auth.device import known_device
from senddock.web.auth.throttle import wait_needed
from senddock.web.htmx import redirect_to
from senddock.web.services import services

View = TypeVar("View", bound=Callable[..., Any])

#: The field of a form by which the password is proved in the same step; see ``confirmation_field`` in ui/forms.html.
FIELD = "confirm_password"


def confirmed(view: View) -> View:
    """Let a view be entered only by a person who proved the password within the last minutes, or proves it now.

    A form may be filled in for longer than a page may be opened, so nothing that was typed is lost to the clock.
    """

    @functools.wraps(view)
    def entered(*args: Any, **kwargs: Any) -> Any:
        fresh = g.person.confirmed_for(filling=request.method != "GET", now=datetime.now(UTC))
        if fresh or prove(request.form.get(FIELD, "")):
            return view(*args, **kwargs)
        back = request.full_path
        if request.method != "GET":
            back = request.headers.get("HX-Current-URL") or request.referrer or "/"
        return redirect_to(url_for("auth.confirm", next=local_address(back)))

    return entered  # type: ignore[return-value]


def prove(password: str) -> bool:
    """True when ``password`` is that of the person at this browser, who is then not asked again for a while.

    Guesses are counted as those at the door are.
    """
    if not password or guesses_used_up(g.person.email):
        return False
    if sessions.check_password(services().database, g.person.email, password) is None:
        return False
    sessions.confirm(services().database, session["token"])
    return True


def guesses_used_up(account: str, *, purpose: str = "") -> bool:
    """Count one guess at ``account``; True when it must not be looked at."""
    return wait_needed(services().redis, purpose + account, request.remote_addr, known_device(account))


def local_address(text: str | None) -> str:
    """Only addresses of this panel: a link from outside must not send a person elsewhere afterwards."""
    text = (text or "").removeprefix(request.host_url.rstrip("/")).rstrip("?")
    # Browsers take control characters and line ends out of an address, and a backslash for a slash.
    own = text.startswith("/") and text.isprintable() and not text.replace("\\", "/").startswith("//")
    return text if own else "/"
