"""A/B tests between providers: started, watched and ended."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import abort, flash, render_template, request, url_for

from senddock.dispatch import experiments as use
from senddock.dispatch import routes
from senddock.dispatch.refusals import Refused, RefusedFields
from senddock.domain.whole_number import whole_number
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.language import gettext as _
from senddock.web.routing.blueprint import bp
from senddock.web.services import services

#: A share in per cent.
_SHARE = re.compile(r"[0-9]{1,3}(\.[0-9]{0,3})?")


@bp.get("/experiments")
def experiments() -> Any:
    """All of them with what they show so far."""
    return _page({})


@bp.post("/experiments")
def start_experiment() -> Any:
    """Begin one now."""
    form = request.form
    arms = [
        (number, float(text))
        for number, text in ((whole_number(name.removeprefix("share-")), text) for name, text in form.items())
        if number is not None and _SHARE.fullmatch(text) and float(text) > 0
    ]
    days, minimum, stream = (form.get(name, "") for name in ("days", "minimum", "stream"))
    try:
        made = use.start(
            services().database,
            whole_number(stream) or 0,
            form.get("name", ""),
            arms,
            ends_at=datetime.now(UTC) + timedelta(days=whole_number(days, 9999) or 0),
            metric=form.get("metric", ""),
            minimum=whole_number(minimum) or 0,
        )
    except RefusedFields as error:
        return _page(error.errors, 422)
    except Refused as error:
        return _page({"stream": error.message}, 422)
    flash(_("The experiment runs. Look as often as you like: that cannot make up a winner."), "success")
    return redirect_to(url_for("routing.experiment", experiment_id=made.id))


@bp.get("/experiments/<int:experiment_id>")
def experiment(experiment_id: int) -> Any:
    """What one shows now."""
    with services().database.read() as session:
        try:
            found = use.report(session, experiment_id, datetime.now(UTC))
        except Refused:
            abort(404)
    return page_or_fragment("routing/experiment.html", "routing/_report.html", report=found, metrics=_metrics())


@bp.post("/experiments/<int:experiment_id>/end")
def end_experiment(experiment_id: int) -> Any:
    """Send everything by the routes again; what was counted stays."""
    try:
        use.end(services().database, experiment_id)
    except Refused:
        abort(404)
    flash(_("Ended. Mail takes its usual way again."), "success")
    return redirect_to(url_for("routing.experiment", experiment_id=experiment_id))


def _page(errors: dict[str, str], status: int = 200) -> Any:
    now = datetime.now(UTC)
    with services().database.read() as session:
        reports = [use.report(session, row.id, now) for row in use.all_experiments(session)]
        orders = routes.orders(session)
        usual = routes.standard(session)
    page = render_template(
        "routing/experiments.html",
        reports=reports,
        orders=orders,
        several=len({order.project for order in orders}) > 1,
        providers=[item for item in usual if item.enabled],
        errors=errors,
        given=request.form,
        metrics=_metrics(),
        least=use.LEAST_MINIMUM,
    )
    return page, status


def _metrics() -> dict[str, str]:
    return {
        "not_accepted": _("not accepted at the first try"),
        "hard_bounce": _("hard bounces"),
        "soft_bounce": _("soft bounces"),
        "complaint": _("complaints"),
    }
