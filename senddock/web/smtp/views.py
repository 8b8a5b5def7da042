"""`/smtp/new` and `/smtp/<id>`: the form, filled from the catalogue, with remarks while it is typed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import flash, g, render_template, request, url_for

from senddock.dispatch import journal, providers
from senddock.dispatch.allowance import allowances
from senddock.dispatch.provider_fields import remarks
from senddock.dispatch.refusals import RefusedFields
from senddock.dispatch.sender_standing import standings
from senddock.domain.catalogue import catalogue
from senddock.domain.limit_source import limit_sources
from senddock.domain.presets import LIMITS, PRESETS, Preset, limits_in_words, preset_of
from senddock.domain.senders import may_send_from
from senddock.models import Provider
from senddock.web.auth.confirmation import confirmed
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.language import gettext as _
from senddock.web.services import services
from senddock.web.smtp.blueprint import bp
from senddock.web.smtp.forms import ProviderForm
from senddock.web.smtp.found import provider_or_404
from senddock.web.smtp.order import ROTATE_AFTER
from senddock.web.smtp.testing import shown_again


@bp.get("/new")
def new() -> Any:
    """Choose what to start from, then the form."""
    chosen = _chosen(request.args)
    form = ProviderForm(
        formdata=None, priority=providers.count(services().database) + 1, recipient=g.person.email, preset=""
    )
    if chosen is not None:
        form.preset.data, form.name.data = chosen.key, "" if chosen.key == "generic" else chosen.name
        form.host.data, form.port.data, form.encryption.data = chosen.host, chosen.port, chosen.encryption
        form.username.data = chosen.username
        _fill_limits(form, chosen)
    return _form_page(form, None, preset=chosen)


@bp.post("/fill")
def fill() -> Any:
    """Region and plan chosen: only host and limits change, what was typed stays (and the password stays where it is)."""
    form = ProviderForm()
    chosen = _chosen(request.form)
    if chosen is not None:
        form.host.data = chosen.host
        _fill_limits(form, chosen)
    return render_template("smtp/_filled.html", form=form, preset=chosen, limit_names=LIMITS)


@bp.post("/new")
@confirmed
def create() -> Any:
    """Store a provider."""
    form = ProviderForm()
    if form.validate():
        try:
            made = providers.add(services().database, services().vault, form.values(), form.password.data or None)
        except RefusedFields as error:
            form.take_errors(error.errors)
        else:
            text = _("%(name)s is saved. Test the connection before mail depends on it.") % {"name": made.name}
            flash(text, "success")
            return redirect_to(url_for("smtp.edit", provider_id=made.id))
    return _form_page(form, None, status=422)


@bp.get("/<int:provider_id>")
def edit(provider_id: int) -> Any:
    """The form of a stored provider; the password is never in it."""
    provider = provider_or_404(provider_id)
    form = ProviderForm.of(provider, recipient=g.person.email)
    # What a connection test suggests, from the page on which the form is not.
    form.port.data = request.args.get("port", form.port.data, type=int)
    if request.args.get("encryption") in ("starttls", "ssl", "none"):
        form.encryption.data = request.args["encryption"]
    return _form_page(form, provider)


@bp.post("/<int:provider_id>")
@confirmed
def save(provider_id: int) -> Any:
    """Change a provider; an empty password keeps the stored one."""
    provider = provider_or_404(provider_id)
    form = ProviderForm()
    if form.validate():
        try:
            providers.change(
                services().database, services().vault, provider_id, form.values(), form.password.data or None
            )
        except RefusedFields as error:
            form.take_errors(error.errors)
        else:
            flash(_("Saved."), "success")
            return redirect_to(url_for("smtp.edit", provider_id=provider_id))
    return _form_page(form, provider, status=422)


@bp.post("/advice")
def advice() -> Any:
    """What an experienced operator would say about the values typed so far."""
    form = ProviderForm()
    return render_template("smtp/_advice.html", remarks=remarks(form.values(), form.password.data))


def _chosen(args: Any) -> Preset | None:
    """The catalogue's entry with the region and plan that are named beside it."""
    entry = catalogue().get(args.get("preset", ""))
    if entry is None:
        return None
    plan = entry.plan_named(args.get("plan", ""))
    chosen = preset_of(entry, plan)
    region = next((one.host for one in entry.server.hosts if one.host == args.get("region")), None)
    return chosen if region is None else replace(chosen, host=region)


def _fill_limits(form: ProviderForm, chosen: Preset) -> None:
    for limit in LIMITS:
        form[limit].data = getattr(chosen, limit)


def _form_page(
    form: ProviderForm, provider: Provider | None, *, status: int = 200, preset: Preset | None = None
) -> Any:
    age = None
    if provider is not None and provider.password_set_at is not None:
        age = (datetime.now(UTC) - provider.password_set_at).days
    preset = preset or PRESETS.get(form.preset.data or "")
    return page_or_fragment(
        "smtp/edit.html",
        "smtp/_form.html",
        http_status=status,
        form=form,
        provider=provider,
        preset=preset,
        presets=PRESETS,
        entry=catalogue().get(preset.key) if preset else None,
        limits_in_words=limits_in_words,
        password_age=age,
        rotate_after=ROTATE_AFTER,
        remarks=remarks(form.values(), form.password.data) if status == 422 or provider is not None else [],
        limit_names=LIMITS,
        **_limits_used(provider),
        **_sends_for(provider),
        **_health(provider),
        **shown_again(provider),
    )


def _sends_for(provider: Provider | None) -> dict[str, Any]:
    """How the provider's mail stands at the domains it may send for, as they were last checked."""
    if provider is None:
        return {}
    with services().database.read() as session:
        found = standings(session, provider_id=provider.id)
    own = (provider.from_email.rpartition("@")[2], *provider.extra_domains)
    return {"standings": [item for item in found if may_send_from(provider.from_policy, own, item.domain)]}


def _health(provider: Provider | None) -> dict[str, Any]:
    if provider is None:
        return {}
    with services().database.read() as session:
        breaker = journal.breakers(session).get(provider.id)
    return {"state": providers.state_of(provider, breaker), "breaker": breaker}


def _limits_used(provider: Provider | None) -> dict[str, Any]:
    if provider is None:
        return {}
    now = datetime.now(UTC)
    windows = [name for name in LIMITS if name.startswith("per_")]
    return {
        "limits": limit_sources(
            catalogue().get(provider.preset or ""), {name: getattr(provider, name) for name in windows}
        ),
        "allowances": {one.name: one for one in allowances(services().redis, [provider], now).get(provider.id, ())},
        "now": now,
    }
