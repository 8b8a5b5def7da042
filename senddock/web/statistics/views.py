"""`/statistics`: what went out, through whom, how fast, and what went wrong."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from senddock.dispatch import journal
from senddock.dispatch.statistics_report import export, report
from senddock.domain.span import SPANS, Span
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
    """The same figures for a spreadsheet; a few thousand lines at most, so they are made at once."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    with services().database.read() as session:
        names, streams = journal.provider_names(session), journal.stream_names(session)
        rows = export(session, datetime.now(UTC), _span(), "domain" if request.args.get("by") == "domain" else "hour")
        writer.writerow([*next(rows), "stream", "provider"])
        for row in rows:
            writer.writerow([*row, _cell(streams.get(row[1], "")), _cell(names.get(row[2], ""))])
    answer = Response(buffer.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="senddock-statistics.csv"'
    return answer


def _cell(text: str) -> str:
    """A name that a spreadsheet would run as a formula is made plain text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _span() -> Span:
    return SPANS.get(request.args.get("span", ""), SPANS["24h"])


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
