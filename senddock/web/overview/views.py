"""`/`: is mail going out, and on a new installation what to do next."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint

from senddock.dispatch import journal, keys, providers, statistics
from senddock.domain.log_filter import LogFilter
from senddock.web.htmx import page_or_fragment
from senddock.web.services import services

bp = Blueprint("overview", __name__)


@bp.get("/")
def index() -> Any:
    """Figures of the last 24 hours, queue, providers, and the first steps while they are open."""
    now = datetime.now(UTC)
    with services().database.read() as session:
        status = journal.queue_status(session, now)
        figures = statistics.last_day(session, now)
        by_provider = statistics.by_provider(session, now)
        newest = journal.page(session, LogFilter(), limit=6).rows
        names = journal.provider_names(session)
    steps = {
        "provider": providers.count(services().database) > 0,
        "key": any(key.revoked_at is None for key in keys.all_keys(services().database)),
        "message": bool(newest),
    }
    return page_or_fragment(
        "overview/index.html",
        "overview/_figures.html",
        status=status,
        figures=figures,
        by_provider=by_provider,
        newest=newest,
        names=names,
        steps=steps,
        now=now,
    )
