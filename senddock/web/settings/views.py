"""`/settings`: what is chosen for the whole installation, and how it is doing."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, render_template, url_for
from flask_wtf import FlaskForm
from wtforms import IntegerField
from wtforms.validators import Optional

from senddock.dispatch import installation, retention
from senddock.dispatch.refusals import RefusedFields
from senddock.web.htmx import redirect_to
from senddock.web.language import gettext as _
from senddock.web.language import lazy_gettext as _l
from senddock.web.services import services

bp = Blueprint("settings", __name__, url_prefix="/settings")


class RetentionForm(FlaskForm):  # type: ignore[misc]
    """How long messages are kept."""

    good_days = IntegerField(
        _l("Accepted messages, days"),
        [Optional()],
        description=_l("Also canceled and suppressed ones. Empty: for ever."),
    )
    bad_days = IntegerField(
        _l("Failed messages, days"), [Optional()], description=_l("Also expired and uncertain ones. Empty: for ever.")
    )


@bp.get("")
def index() -> Any:
    """Everything on one page."""
    chosen = retention.retention(services().database)
    return _page(RetentionForm(formdata=None, good_days=chosen.good_days, bad_days=chosen.bad_days))


@bp.post("/retention")
def keep() -> Any:
    """Keep messages this long from now on."""
    form = RetentionForm()
    if not form.validate():
        return _page(form, 422)
    try:
        retention.choose(services().database, form.good_days.data, form.bad_days.data, datetime.now(UTC))
    except RefusedFields as error:
        for name, message in error.errors.items():
            form[name].errors = [message]
        return _page(form, 422)
    flash(_("Saved. The first messages are let go within the hour."), "success")
    return redirect_to(url_for("settings.index"))


def _page(form: RetentionForm, status: int = 200) -> Any:
    host, port = services().smtp_bind
    found = installation.facts(services().database, services().redis, datetime.now(UTC))
    page = render_template(
        "settings/index.html", form=form, facts=found, public_url=services().public_url, smtp_door=f"{host}:{port}"
    )
    return page, status
