"""`/`: is mail going out, and on a new installation what to do next."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, request

from senddock.dispatch import glance, journal, log_list, providers, statistics
from senddock.dispatch.allowance import allowances
from senddock.dispatch.waiting import waiting
from senddock.domain.log_filter import LogFilter
from senddock.domain.span import SPANS
from senddock.web.htmx import page_or_fragment
from senddock.web.overview.chart import stacked
from senddock.web.services import services

bp = Blueprint("overview", __name__)


@bp.get("/")
def index() -> Any:
    """Figures, chart, providers, queue; or the first steps while they are open and nobody asked for more."""
    with services().database.read() as session:
        steps = glance.first_steps(session)
    if not steps.done and not request.args.get("all"):
        return page_or_fragment("overview/first_run.html", "overview/_first_run.html", steps=steps)
    return page_or_fragment("overview/index.html", "overview/_figures.html", steps=steps, **_figures())


def _figures() -> dict[str, Any]:
    now = datetime.now(UTC)
    span = SPANS.get(request.args.get("span", ""), SPANS["24h"])
    with services().database.read() as session:
        rows, day = providers.in_order(session), statistics.day_of(session, now)
        names, streams = journal.provider_names(session), journal.stream_names(session)
        found = {
            "waiting": waiting(session, now),
            "figures": statistics.last_day(session, day),
            "cards": statistics.cards(session, day),
            "chart": stacked(
                day.series(span) if span.step == 1 else statistics.series_by_provider(session, now, span), names
            ),
            "newest": log_list.page(session, LogFilter(), limit=6).rows,
            "workers": glance.workers(session, now),
            "incidents": glance.open_incidents(session),
            "successes": glance.last_successes(session),
            "breakers": journal.breakers(session),
        }
    return {
        **found,
        "names": names,
        "streams": streams,
        "rows": rows,
        "state_of": providers.state_of,
        "used": allowances(services().redis, rows, now),
        "span": span,
        "spans": SPANS,
        "now": now,
    }
