"""Test Connection in the panel: started from the list or the form, watched as a fragment that replaces itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import abort, g, render_template, request, session, url_for
from redis.exceptions import RedisError

from senddock.dispatch import connection_tests
from senddock.dispatch.refusals import Refused, RefusedFields
from senddock.models import ConnectionTest, Provider
from senddock.web.auth.confirmation import confirmed
from senddock.web.htmx import page_or_fragment, redirect_to, wants_fragment
from senddock.web.language import gettext as _
from senddock.web.services import services
from senddock.web.smtp.blueprint import bp
from senddock.web.smtp.forms import ProviderForm

#: How long a finished test is shown again when its page is loaded anew.
_REMEMBERED = timedelta(minutes=30)


@bp.post("/test", defaults={"provider_id": None})
@bp.post("/<int:provider_id>/test")
def test(provider_id: int | None) -> Any:
    """Start a test: of the stored settings from the list, of the typed ones from the form."""
    # Typed settings may send a stored password to another host; those that are stored go where they always go.
    return _test_typed(provider_id) if request.form.get("host") is not None else _start(provider_id, typed=False)


@confirmed
def _test_typed(provider_id: int | None) -> Any:
    return _start(provider_id, typed=True)


def _start(provider_id: int | None, *, typed: bool) -> Any:
    form = ProviderForm()
    try:
        test_id = connection_tests.start(
            services().database,
            services().vault,
            values=form.values() if typed else None,
            password=form.password.data or None,
            provider_id=provider_id,
            # From the list there is no field to fill: the person who asks is the one who looks into the mailbox.
            recipient=(form.recipient.data or None) if typed else g.person.email,
        )
    except Refused as error:
        errors = error.errors if isinstance(error, RefusedFields) else {error.field or "": error.message}
        return _refused(errors)
    try:
        services().waker.enqueue_test(test_id)
    except RedisError:
        connection_tests.cancel(services().database, test_id)
        return _refused({"": _("The test could not be queued: Redis does not answer. Is `senddock up` running?")})
    if provider_id is None:
        session["test"] = test_id
    if wants_fragment():
        return _fragment(test_id)
    return redirect_to(url_for("smtp.show_test", test_id=test_id))


@bp.get("/tests/<test_id>")
def show_test(test_id: str) -> Any:
    """The report as far as it has come; asked again until it is over."""
    return _fragment(test_id)


@bp.post("/tests/<test_id>/cancel")
def cancel_test(test_id: str) -> Any:
    """Stop it."""
    connection_tests.cancel(services().database, test_id)
    return _fragment(test_id)


def shown_again(provider: Provider | None) -> dict[str, Any]:
    """What the form's page shows of the newest test, so that a reload loses nothing."""
    since = datetime.now(UTC) - _REMEMBERED
    if provider is not None:
        test_id = connection_tests.newest_of(services().database, provider.id, since)
    else:
        test_id = session.get("test")
    run = connection_tests.get(services().database, test_id) if test_id else None
    if run is None or run.created_at < since:
        return {"run": None}
    return _context(run)


def _refused(errors: dict[str, str]) -> Any:
    if wants_fragment():
        return render_template("smtp/_test_refused.html", errors=errors)
    return render_template("smtp/test_refused.html", errors=errors), 422


def _fragment(test_id: str) -> Any:
    run = connection_tests.get(services().database, test_id)
    if run is None:
        abort(404)
    return page_or_fragment("smtp/test.html", "smtp/_test.html", **_context(run))


def _context(run: ConnectionTest) -> dict[str, Any]:
    running = run.state in ("waiting", "running")
    alone = running and connection_tests.workers_alive(services().database) == 0
    return {"run": run, "running": running, "alone": alone}
