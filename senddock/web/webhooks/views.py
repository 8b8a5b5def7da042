"""`/webhooks`: who is told of events, with what, and how it went."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, g, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from senddock.dispatch import webhook_delivery, webhooks
from senddock.dispatch.refusals import Refused
from senddock.domain.webhook_events import EVENTS
from senddock.domain.whole_number import LARGEST_BIG, whole_number
from senddock.models import WebhookDelivery, WebhookEndpoint
from senddock.web.htmx import page_or_fragment, redirect_to, wants_fragment
from senddock.web.language import gettext as _
from senddock.web.language import lazy_gettext as _l
from senddock.web.services import services

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")


class EndpointForm(FlaskForm):  # type: ignore[misc]
    """Where it is and what it hears of."""

    url = StringField(_l("Address"), [InputRequired(_l("Enter an address.")), Length(max=2000)])
    events = SelectMultipleField(_l("Events"), choices=[SelectChoice(name, name) for name in EVENTS])
    private_network = BooleanField(_l("It stands on my own network (private addresses and http are allowed)"))


@bp.get("")
def index() -> Any:
    """Every endpoint."""
    return _list(EndpointForm(formdata=None))


@bp.post("")
def add() -> Any:
    """Add an endpoint and show its secret this once."""
    form = EndpointForm()
    if not form.validate():
        return _list(form, status=422)
    try:
        row, secret = webhooks.add(
            services().database,
            services().vault,
            form.url.data,
            events=form.events.data or (),
            private_network=form.private_network.data,
            now=datetime.now(UTC),
        )
    except Refused as error:
        form.url.errors = [error.message]
        return _list(form, status=422)
    return render_template("webhooks/secret.html", endpoint=row, secret=secret, rotated=False)


@bp.get("/<int:endpoint_id>")
def show(endpoint_id: int) -> Any:
    """One endpoint with its newest deliveries."""
    return _page(endpoint_id)


@bp.post("/<int:endpoint_id>")
def save(endpoint_id: int) -> Any:
    """Change where it is and what it hears of."""
    _get(endpoint_id)
    form = EndpointForm()
    try:
        webhooks.change(
            services().database,
            endpoint_id,
            form.url.data or "",
            events=form.events.data or (),
            private_network=form.private_network.data,
        )
    except Refused as error:
        form.url.errors = [error.message]
        return _page(endpoint_id, form, status=422)
    flash(_("Saved."), "success")
    return redirect_to(url_for("webhooks.show", endpoint_id=endpoint_id))


@bp.post("/<int:endpoint_id>/<any(test,enable,disable):action>")
def act(endpoint_id: int, action: str) -> Any:
    """One step."""
    _get(endpoint_id)
    database, now = services().database, datetime.now(UTC)
    if action == "test":
        try:
            webhooks.send_test(database, endpoint_id, now)
            webhook_delivery.ask(services().redis)
        except Refused as error:
            flash(error.message, "error")
    else:
        webhooks.set_enabled(database, endpoint_id, enabled=action == "enable", by=g.person.email, now=now)
    return _page(endpoint_id) if wants_fragment() else redirect_to(url_for("webhooks.show", endpoint_id=endpoint_id))


@bp.post("/<int:endpoint_id>/rotate")
def rotate(endpoint_id: int) -> Any:
    """Replace the secret and show the new one this once."""
    row = _get(endpoint_id)
    secret = webhooks.rotate(services().database, services().vault, endpoint_id, datetime.now(UTC))
    return render_template("webhooks/secret.html", endpoint=row, secret=secret, rotated=True)


@bp.get("/<int:endpoint_id>/remove")
def confirm_remove(endpoint_id: int) -> Any:
    """Say what would be destroyed."""
    return render_template("webhooks/remove.html", endpoint=_get(endpoint_id))


@bp.post("/<int:endpoint_id>/remove")
def remove(endpoint_id: int) -> Any:
    """Take it away."""
    row = _get(endpoint_id)
    webhooks.remove(services().database, endpoint_id, datetime.now(UTC))
    flash(_("%(url)s is not told any more.") % {"url": row.url}, "success")
    return redirect_to(url_for("webhooks.index"))


@bp.post("/deliveries/<int:delivery_id>/replay")
def replay(delivery_id: int) -> Any:
    """Send a delivery again."""
    with services().database.read() as session:
        row = session.get(WebhookDelivery, delivery_id)
    if row is None:
        abort(404)
    webhooks.replay(services().database, delivery_id, datetime.now(UTC))
    webhook_delivery.ask(services().redis)
    endpoint_id = row.endpoint_id
    return _page(endpoint_id) if wants_fragment() else redirect_to(url_for("webhooks.show", endpoint_id=endpoint_id))


def _list(form: EndpointForm, *, status: int = 200) -> Any:
    with services().database.read() as session:
        return page_or_fragment(
            "webhooks/index.html",
            "webhooks/_list.html",
            http_status=status,
            form=form,
            rows=webhooks.all_endpoints(session),
            waiting=webhooks.waiting(session),
            events=EVENTS,
        )


def _page(endpoint_id: int, form: EndpointForm | None = None, *, status: int = 200) -> Any:
    row = _get(endpoint_id)
    with services().database.read() as session:
        rows, older = webhooks.deliveries(
            session, endpoint_id, before=whole_number(request.args.get("before"), LARGEST_BIG)
        )
    return page_or_fragment(
        "webhooks/show.html",
        "webhooks/_deliveries.html",
        http_status=status,
        endpoint=row,
        form=form or EndpointForm(formdata=None, url=row.url, events=row.events, private_network=row.private_network),
        rows=rows,
        older=older,
        events=EVENTS,
        now=datetime.now(UTC),
    )


def _get(endpoint_id: int) -> WebhookEndpoint:
    with services().database.read() as session:
        row = session.get(WebhookEndpoint, endpoint_id)
    if row is None:
        abort(404)
    return row
