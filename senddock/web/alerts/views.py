"""`/alerts`: what needs a person, what did lately, and how people are told."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, g, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import BooleanField

from senddock.dispatch import alert_notices, alerts
from senddock.dispatch.connection_tests import workers_alive
from senddock.dispatch.refusals import Refused
from senddock.dispatch.watch import keep_watch
from senddock.web import shell
from senddock.web.htmx import page_or_fragment, redirect_to, wants_fragment
from senddock.web.language import gettext as _
from senddock.web.language import lazy_gettext as _l
from senddock.web.services import services

bp = Blueprint("alerts", __name__, url_prefix="/alerts")


class NoticeForm(FlaskForm):  # type: ignore[misc]
    """How people are told of new alerts."""

    email = BooleanField(_l("E-mail to everybody who operates this panel"))
    webhook = BooleanField(_l("Webhook event alert.opened"))


@bp.get("")
def index() -> Any:
    """Open alerts, then those that are over."""
    return _list()


@bp.get("/strip")
def strip() -> Any:
    """The strip of every page anew, or nothing while it still says what the page ``known``."""
    if request.args.get("known") == shell.strip_mark(shell.needing_now()):
        return "", 204
    return render_template("ui/_alerts.html")


@bp.post("/<int:alert_id>/acknowledge")
def acknowledge(alert_id: int) -> Any:
    """Somebody has seen it: the strip leaves it out."""
    try:
        alerts.acknowledge(services().database, alert_id, by=g.person.email, now=datetime.now(UTC))
    except Refused:
        abort(404)
    return _list() if wants_fragment() else redirect_to(url_for("alerts.index"))


@bp.post("/check")
def check() -> Any:
    """Look now what holds, rather than wait for the clock."""
    keep_watch(services().database, datetime.now(UTC))
    return _list() if wants_fragment() else redirect_to(url_for("alerts.index"))


@bp.post("/notices")
def notices() -> Any:
    """Keep how people are told."""
    form = NoticeForm()
    chosen = alert_notices.Choices(email=form.email.data, webhook=form.webhook.data)
    alert_notices.choose(services().database, chosen, datetime.now(UTC))
    flash(_("Saved."), "success")
    return redirect_to(url_for("alerts.index"))


def _list() -> Any:
    database = services().database
    with database.read() as session:
        chosen = alert_notices.choices(session)
        return page_or_fragment(
            "alerts/index.html",
            "alerts/_list.html",
            open_alerts=alerts.open_alerts(session),
            closed_alerts=alerts.closed_alerts(session),
            per_hour=alert_notices.PER_HOUR,
            by_person=alerts.BY_PERSON,
            sayings_of=alerts.sayings_of,
            workers=workers_alive(database),
            form=NoticeForm(formdata=None, email=chosen.email, webhook=chosen.webhook),
        )
