"""The filtered log as CSV or JSON lines, made while it is sent: its length costs no memory."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from senddock.dispatch import journal, log_list
from senddock.domain.log_filter import LogFilter
from senddock.domain.spreadsheet import harmless
from senddock.models import Database

_PAGE = 500
_OWN = ("id", "created_at", "state", "from_header", "to_header", "subject", "attempts", "failed_over", "last_class",
        "last_code", "reason", "due_at", "finished_at", "via")  # fmt: skip
COLUMNS = (*_OWN, "stream", "provider")


def csv_lines(database: Database, chosen: LogFilter) -> Iterator[str]:
    """With a header line."""
    yield ",".join(COLUMNS) + "\r\n"
    for row in _rows(database, chosen):
        out = io.StringIO()
        csv.writer(out).writerow([harmless(value) if isinstance(value, str) else value for value in row.values()])
        yield out.getvalue()


def json_lines(database: Database, chosen: LogFilter) -> Iterator[str]:
    """One object a line."""
    return (json.dumps(row) + "\n" for row in _rows(database, chosen))


def _rows(database: Database, chosen: LogFilter) -> Iterator[dict[str, Any]]:
    before = None
    while True:
        with database.read() as session:
            page = log_list.page(session, chosen, before=before, limit=_PAGE)
            names, streams = journal.provider_names(session), journal.stream_names(session)
        for row in page.rows:
            yield _plain(row, names, streams)
        if page.older is None:
            return
        before = page.older


def _plain(row: log_list.Line, names: Mapping[int, str], streams: Mapping[int, str]) -> dict[str, Any]:
    found = {name: _shown(getattr(row, name)) for name in _OWN}
    return {**found, "stream": streams.get(row.stream_id), "provider": names.get(row.provider_id or 0)}


def _shown(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
