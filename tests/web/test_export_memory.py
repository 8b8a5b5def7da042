"""The log leaves as a stream: its length costs time and no memory."""

import tracemalloc
from pathlib import Path

from bench.panel import rows
from bench.seeding import season, seed
from senddock.dispatch.outbox import utcnow
from senddock.domain.log_filter import LogFilter
from senddock.models import Database
from senddock.secrets.vault import Vault
from senddock.web.logs.export import csv_lines, json_lines
from tests.web.conftest import EMAIL, PASSWORD


def test_four_times_the_messages_take_no_more_memory(
    sqlite: Database, sqlite_template: Path, tmp_path: Path, vault: Vault
) -> None:
    (tmp_path / "longer.db").write_bytes(sqlite_template.read_bytes())
    longer = Database(f"sqlite:///{tmp_path}/longer.db")
    peaks = []
    for database, messages in ((sqlite, 1500), (longer, 6000)):
        rows(database, vault, EMAIL, PASSWORD)
        seed(database, season(messages, utcnow(), days=5, year=1, domains=2))
        assert sum(1 for _ in csv_lines(database, LogFilter())) == messages + 1, "and everything has been compiled once"
        tracemalloc.start()
        assert sum(1 for _ in json_lines(database, LogFilter())) == messages
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    longer.close()
    # A page of 500 rows at a time; all 6,000 of them together would be ten times that.
    assert peaks[1] < peaks[0] * 1.5 + 500_000, peaks
