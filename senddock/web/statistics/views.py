"""`/statistics`: what went out, through whom, how fast, and what went wrong."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from senddock.dispatch import journal
from senddock.dispatch.statistics_report import export, report
from senddock.domain.span import SPANS, Span
from senddock.domain.spreadsheet import harmless
from senddock.domain.whole_number import whole_number
from senddock.models import Database
from senddock.web.htmx import page_or_fragment
from senddock.web.services import services

bp = Blueprint("statistics", __name__, url_prefix="/statistics")


@bp.get("")
def index() -> Any:
    """Charts and tables over a span, for all or for one provider or stream."""
    stream_id, provider_id = _number("stream"), _number("provider")
    with services().database.read() as session:
        found = report(session, datetime.now(UTC), _span(), stream_id=stream_id, provider_id=provider_id)
        names, streams = journal.provider_names(session), journal.stream_names(session)
    return page_or_fragment(
        "statistics/index.html",
        "statistics/_report.html",
        report=found,
        names=names,
        streams=streams,
        spans=SPANS,
        chosen={"span": found.span.key, "stream": stream_id, "provider": provider_id},
    )


@bp.get("/export.csv")
def export_csv() -> Response:
    """The same figures for a spreadsheet, streamed."""
    by = "domain" if request.args.get("by") == "domain" else "hour"
    answer = Response(_lines(services().database, _span(), by), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="senddock-statistics.csv"'
    return answer


def _lines(database: Database, span: Span, by: str) -> Iterator[str]:
    with database.read() as session:
        names, streams = journal.provider_names(session), journal.stream_names(session)
    rows = export(database, datetime.now(UTC), span, by)
    yield _line([*next(rows), "stream", "provider"])
    for row in rows:
        yield _line([*row, harmless(streams.get(row[1], "")), harmless(names.get(row[2], ""))])


def _line(cells: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _span() -> Span:
    return SPANS.get(request.args.get("span", ""), SPANS["24h"])


def _number(name: str) -> int | None:
    return whole_number(request.args.get(name))
