"""`/smtp`: the providers, in the order in which they are tried."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, render_template, request, url_for
from redis.exceptions import RedisError

from senddock.dispatch import connection_tests, journal, providers, statistics
from senddock.dispatch.refusals import Refused, RefusedFields
from senddock.domain.advice import connection_advice, from_advice
from senddock.domain.catalogue.credentials import credential_advice
from senddock.domain.presets import LIMITS, PRESETS
from senddock.models import Provider
from senddock.web.htmx import page_or_fragment, redirect_to, wants_fragment
from senddock.web.services import services
from senddock.web.smtp.forms import ProviderForm

bp = Blueprint("smtp", __name__, url_prefix="/smtp")


@bp.get("")
def index() -> Any:
    """The list."""
    return page_or_fragment("smtp/index.html", "smtp/_list.html", **_list_context())


@bp.get("/new")
def new() -> Any:
    """Choose what to start from, then the form."""
    chosen = PRESETS.get(request.args.get("preset", ""))
    form = ProviderForm(formdata=None, priority=providers.count(services().database) + 1)
    if chosen is not None:
        form.preset.data, form.name.data = chosen.key, chosen.name
        form.host.data, form.port.data, form.encryption.data = chosen.host, chosen.port, chosen.encryption
        form.username.data = chosen.username
        for limit in LIMITS:
            form[limit].data = getattr(chosen, limit)
    return _form_page(form, None, preset=chosen)


@bp.post("/new")
def create() -> Any:
    """Store a provider."""
    form = ProviderForm()
    if form.validate():
        try:
            made = providers.add(services().database, services().vault, form.values(), form.password.data or None)
        except RefusedFields as error:
            form.take_errors(error.errors)
        else:
            flash(f"{made.name} is saved. Test the connection before mail depends on it.", "success")
            return redirect_to(url_for("smtp.edit", provider_id=made.id))
    return _form_page(form, None, status=422)


@bp.get("/<int:provider_id>")
def edit(provider_id: int) -> Any:
    """The form of a stored provider; the password is never in it."""
    provider = _get(provider_id)
    return _form_page(ProviderForm(formdata=None, obj=provider), provider)


@bp.post("/<int:provider_id>")
def save(provider_id: int) -> Any:
    """Change a provider; an empty password keeps the stored one."""
    provider = _get(provider_id)
    form = ProviderForm()
    if form.validate():
        try:
            providers.change(
                services().database, services().vault, provider_id, form.values(), form.password.data or None
            )
        except RefusedFields as error:
            form.take_errors(error.errors)
        else:
            flash("Saved.", "success")
            return redirect_to(url_for("smtp.edit", provider_id=provider_id))
    return _form_page(form, provider, status=422)


@bp.post("/advice")
def advice() -> Any:
    """What an experienced operator would say about the values typed so far."""
    form = ProviderForm()
    values = form.values()
    remarks = []
    if values["host"] and values["port"]:
        remarks += connection_advice(
            values["host"], values["port"], values["encryption"], plain_confirmed=values["plain_confirmed"]
        )
        remarks += credential_advice(
            values["preset"],
            values["host"],
            values["port"],
            values["encryption"],
            values["username"] or "",
            form.password.data,
        )
    if values["from_email"]:
        remarks += from_advice(values["from_email"], values["from_name"], values["host"] or "")
    return render_template("smtp/_advice.html", remarks=remarks)


@bp.post("/<int:provider_id>/<any(default,enable,disable,up,down,duplicate):action>")
def act(provider_id: int, action: str) -> Any:
    """One step from the list."""
    database = services().database
    _get(provider_id)
    if action == "default":
        providers.make_default(database, provider_id)
    elif action in ("enable", "disable"):
        providers.set_enabled(database, provider_id, enabled=action == "enable")
    elif action == "duplicate":
        copy = providers.duplicate(database, services().vault, provider_id)
        flash("This copy is disabled and has no password yet.", "info")
        return redirect_to(url_for("smtp.edit", provider_id=copy.id))
    else:
        providers.move(database, provider_id, -1 if action == "up" else 1)
    if wants_fragment():
        return page_or_fragment("smtp/index.html", "smtp/_list.html", **_list_context())
    return redirect_to(url_for("smtp.index"))


@bp.get("/<int:provider_id>/delete")
def confirm_delete(provider_id: int) -> Any:
    """Say what would be destroyed."""
    provider = _get(provider_id)
    routed = providers.routed_streams(services().database, provider_id)
    return render_template("smtp/delete.html", provider=provider, routed=routed)


@bp.post("/<int:provider_id>/delete")
def delete(provider_id: int) -> Any:
    """Take it away."""
    provider = _get(provider_id)
    providers.remove(services().database, provider_id)
    flash(f"{provider.name} is deleted and its password erased. Its history stays in the log.", "success")
    return redirect_to(url_for("smtp.index"))


@bp.post("/test", defaults={"provider_id": None})
@bp.post("/<int:provider_id>/test")
def test(provider_id: int | None) -> Any:
    """Start a test: of the stored settings from the list, of the typed ones from the form."""
    form = ProviderForm()
    typed = request.form.get("host") is not None
    try:
        test_id = connection_tests.start(
            services().database,
            services().vault,
            values=form.values() if typed else None,
            password=form.password.data or None,
            provider_id=provider_id,
            recipient=form.recipient.data or None,
        )
    except Refused as error:
        errors = error.errors if isinstance(error, RefusedFields) else {error.field or "": error.message}
        return render_template("smtp/_test_refused.html", errors=errors), 200 if wants_fragment() else 422
    try:
        services().waker.enqueue_test(test_id)
    except RedisError:
        connection_tests.cancel(services().database, test_id)
        message = "The test could not be queued: Redis does not answer. Is `senddock up` running?"
        return render_template("smtp/_test_refused.html", errors={"": message}), 200
    if wants_fragment():
        return _test_fragment(test_id)
    return redirect_to(url_for("smtp.show_test", test_id=test_id))


@bp.get("/tests/<test_id>")
def show_test(test_id: str) -> Any:
    """The report as far as it has come; asked again until it is over."""
    return _test_fragment(test_id)


@bp.post("/tests/<test_id>/cancel")
def cancel_test(test_id: str) -> Any:
    """Stop it."""
    connection_tests.cancel(services().database, test_id)
    return _test_fragment(test_id)


def _test_fragment(test_id: str) -> Any:
    run = connection_tests.get(services().database, test_id)
    if run is None:
        abort(404)
    running = run.state in ("waiting", "running")
    return page_or_fragment(
        "smtp/test.html",
        "smtp/_test.html",
        run=run,
        running=running,
        alone=running and connection_tests.workers_alive(services().database) == 0,
    )


def _form_page(form: ProviderForm, provider: Provider | None, *, status: int = 200, preset: Any = None) -> Any:
    age = None
    if provider is not None and provider.password_set_at is not None:
        age = (datetime.now(UTC) - provider.password_set_at).days
    return page_or_fragment(
        "smtp/edit.html",
        "smtp/_form.html",
        http_status=status,
        form=form,
        provider=provider,
        preset=preset or PRESETS.get(form.preset.data or ""),
        presets=PRESETS,
        password_age=age,
    )


def _list_context() -> dict[str, Any]:
    now = datetime.now(UTC)
    rows = providers.all_providers(services().database)
    with services().database.read() as session:
        breakers = journal.breakers(session)
        figures = statistics.by_provider(session, now)
    return {
        "rows": [
            {
                "provider": row,
                "state": providers.state_of(row, breakers.get(row.id)),
                "breaker": breakers.get(row.id),
                "figures": figures.get(row.id),
            }
            for row in rows
        ],
        "now": now,
    }


def _get(provider_id: int) -> Provider:
    try:
        return providers.get(services().database, provider_id)
    except Refused:
        abort(404)
