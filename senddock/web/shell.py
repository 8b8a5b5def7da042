"""What every page has: the signed-in person, the navigation, the strip that asks for a person, and the filters."""

import gzip
import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, abort, current_app, g, request, session, url_for

from senddock import __version__
from senddock.dispatch import accounts, sessions
from senddock.dispatch.alerts import Raised
from senddock.dispatch.connection_tests import workers_alive
from senddock.dispatch.watch import needing_a_person, resting_provider
from senddock.domain.error_help import help_for_attempt
from senddock.domain.verdict_class import CLASSES
from senddock.web import attributes, files, language
from senddock.web.back import page_in_sight
from senddock.web.htmx import redirect_to
from senddock.web.language import gettext as _
from senddock.web.navigation import sections
from senddock.web.retelling import retold
from senddock.web.services import services

#: Open to everybody; the API has keys of its own.
_OPEN = ("/static/", "/api", "/healthz", "/readyz", "/metrics", "/login", "/setup", "/welcome", "/language")
_TITLES = {verdict_class.value: known.title for verdict_class, known in CLASSES.items()}
_compressed: dict[str, bytes] = {}
#: Among the app's extensions: when the strip was found out, and what it says.
_STRIP = "senddock_strip"


def prepare(app: Flask) -> None:
    """Hooks and filters."""
    language.prepare(app)
    files.prepare(app)
    attributes.prepare()
    app.before_request(_refuse_nul)
    app.before_request(_require_person)
    app.after_request(_compress)
    app.after_request(_forget_strip)
    app.context_processor(_context)
    app.jinja_env.globals["icon"] = getattr(app.jinja_env.get_template("ui/icon.html").module, "icon")  # noqa: B009 - a macro
    app.jinja_env.filters["moment"] = _iso
    app.jinja_env.filters["told"] = lambda saying: saying.told(language.gettext)
    app.jinja_env.filters["retold"] = retold
    # Cut out of one text: `strftime` takes three times as long, and a list has a hundred moments.
    app.jinja_env.filters["shown_time"] = lambda moment: f"{moment.astimezone(UTC).isoformat(' ', 'seconds')[:19]} UTC"
    app.jinja_env.filters["clock"] = lambda moment: moment.astimezone(UTC).isoformat(" ", "seconds")[11:19]
    app.jinja_env.filters["from_iso"] = datetime.fromisoformat
    app.jinja_env.filters["utc_minute"] = lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    app.jinja_env.filters["thousands"] = lambda number: f"{number:,}"
    app.jinja_env.filters["duration"] = _duration
    app.jinja_env.filters["verdict_title"] = _title
    app.jinja_env.filters["attempt_help"] = lambda attempt: help_for_attempt(attempt.verdict_class, attempt.rule)


def _require_person() -> Any:
    if request.path.startswith(_OPEN):
        return None
    token = session.get("token")
    person = sessions.signed_in(services().database, token) if token else None
    if person is None:
        if accounts.count_users(services().database) == 0:
            return redirect_to(url_for("auth.setup"))
        return redirect_to(url_for("auth.login", next=page_in_sight()))
    g.person = person
    return None


def _refuse_nul() -> None:
    """No browser sends NUL, and PostgreSQL takes none: told here, once for all fields."""
    if request.path.startswith("/api"):
        return
    if "\0" in request.path or any("\0" in text for _, text in request.values.items(multi=True)):
        abort(400)


def _context() -> dict[str, Any]:
    person = g.get("person")
    common = {"person": person, "version": __version__, "language": language.current(), "languages": language.LANGUAGES}
    if person is None:
        return common
    return {
        **common,
        "navigation": sections,
        "alerts": needing_now,
        "strip_mark": strip_mark,
        "resting_provider": resting_provider,
        "known_views": current_app.view_functions,
        "confirmation_fresh": lambda: person.confirmed_for(filling=False, now=datetime.now(UTC)),
    }


def needing_now() -> Sequence[Raised]:
    """What needs a person now; asked by the template, so fragments do not pay for it.

    Found out at most once in ``STRIP_AGE`` seconds by each process, and anew after whatever a person does here.
    """
    known: tuple[float, Sequence[Raised]] | None = current_app.extensions.get(_STRIP)
    if known is not None and time.monotonic() - known[0] < current_app.config["STRIP_AGE"]:
        return known[1]
    database, now = services().database, datetime.now(UTC)
    with database.read() as reading:
        found = needing_a_person(reading, now, workers=workers_alive(database, now))
    current_app.extensions[_STRIP] = (time.monotonic(), found)
    return found


def strip_mark(shown: Sequence[Raised]) -> str:
    """Tells one state of the strip from another."""
    said = [(alert.key, alert.severity, alert.title.told(), alert.text.told()) for alert in shown]
    return hashlib.sha256(f"{language.current()}{said}".encode()).hexdigest()[:16]


def _forget_strip(response: Response) -> Response:
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        current_app.extensions.pop(_STRIP, None)
    return response


def _compress(response: Response) -> Response:
    """Static files travel compressed; pages of text too."""
    if "gzip" not in request.headers.get("Accept-Encoding", "") or response.status_code != 200:
        return response
    if response.mimetype not in ("text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"):
        return response
    if response.is_streamed and not request.path.startswith("/static/"):
        return response
    if request.path.startswith("/static/"):
        response.direct_passthrough = False
        body = _compressed.get(request.path)
        if body is None:
            body = _compressed[request.path] = gzip.compress(response.get_data(), 9)
    else:
        body = gzip.compress(response.get_data(), 5)
    response.set_data(body)
    response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat("T", "milliseconds")[:23] + "Z"


def _duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "–"
    seconds = milliseconds / 1000
    if seconds < 120:
        return f"{milliseconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _title(verdict_class: str | None) -> str:
    title = _TITLES.get(verdict_class or "")
    return _(title) if title is not None else verdict_class or _("no answer recorded")
