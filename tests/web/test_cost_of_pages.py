"""What every page asks of the database costs the same however long the log is, on both databases.

The addresses come from the map of addresses, so a new page is looked at without being named here.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import event, func, select, text

from bench.pages import NoSample, log_filters, other_views, pages
from bench.panel import give_content, rows
from bench.seeding import season, seed
from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch import log_list, providers
from senddock.dispatch.blocks import seal_blocks
from senddock.dispatch.outbox import utcnow
from senddock.dispatch.waiting import waiting
from senddock.models import Database, SealedBlock
from senddock.secrets.vault import Vault
from tests.web.conftest import EMAIL, PASSWORD, Panel

#: Messages of the shorter log; the longer one has four times as many. A page may look at `_WALK` of them.
_SHORT, _WALK = 3000, 400
#: Tables that grow with the mail, or with the years.
_GROWING = (
    "message attempt delivery event content webhook_delivery webhook_event suppression alert incident rollup_hour "
    "rollup_latency rollup_domain experiment_recipient idempotency_record"
).split()
#: SQLite's own words for going through a whole table; through an index in order, until a page is full, is not that.
_SCAN = re.compile(r"^SCAN (\w+)(?! USING)", re.ASCII)


@dataclass
class Watched:
    """A panel over a seeded log, and what it asks of the database."""

    panel: Panel
    database: Database
    addresses: list[str]
    asked: dict[tuple[str, str], tuple[str, Any]] = field(default_factory=dict)

    def ask(self, path: str) -> list[tuple[str, Any]]:
        """The statements behind one address."""
        self.asked.clear()
        answer = self.panel.client.get(path, buffered=False)
        assert answer.status_code in (200, 204), (path, answer.text[:500])
        if "attachment" in answer.headers.get("Content-Disposition", ""):
            for _, _chunk in zip(range(100), answer.response, strict=False):
                pass
        answer.close()
        return list(self.asked.values())


Make = Callable[[Database, int], Watched]


@pytest.fixture
def watch(redis: Redis, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(log_list, "WALK", _WALK)
    made: list[Flask] = []

    def make(database: Database, messages: int) -> Watched:
        whole = season(messages, utcnow(), days=20, year=40, domains=10)
        samples = {**whole.samples(), **rows(database, vault, EMAIL, PASSWORD)}
        seed(database, whole)
        give_content(database, samples)
        seal_blocks(database, utcnow(), 500)
        seal_blocks(database, utcnow(), 500)
        if not database.is_sqlite:
            with database.transaction() as connection:
                connection.execute(text("ANALYZE"))
        settings = Settings.from_env({"SENDDOCK_DATABASE_URL": database.url, "SENDDOCK_DATA_DIR": str(tmp_path)})
        app = create_app(settings, vault=vault, redis=redis)
        app.config["STRIP_AGE"] = 0
        made.append(app)
        found = [*pages(app.url_map, samples), *other_views(samples), *log_filters(samples)]
        watched = Watched(Panel(app).sign_in(), app.extensions["senddock"].database, list(dict.fromkeys(found)))

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                watched.asked[statement, repr(parameters)] = (statement, parameters)

        event.listen(watched.database.engine, "before_cursor_execute", note)
        return watched

    yield make
    for app in made:
        app.extensions["senddock"].outbox.close()
        app.extensions["senddock"].database.close()


def test_no_page_goes_through_a_whole_table_on_sqlite(sqlite: Database, watch: Make) -> None:
    watched = watch(sqlite, _SHORT)
    found = set()
    for path, statement, parameters in _new_statements(watched):
        with watched.database.connect() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        # In the order of the key, and only until the page is full: that is not the whole table.
        in_order = " LIMIT " in statement and not any(line.startswith("USE TEMP B-TREE") for line in plan)
        scanned = [match.group(1) for line in plan if (match := _SCAN.match(line))]
        found |= {(path, table, statement) for table in scanned if table in _GROWING and not in_order}
    assert found == set()


def _new_statements(watched: Watched) -> Iterator[tuple[str, str, Any]]:
    """Each text once, with the address that asked for it first."""
    known = set()
    for path in watched.addresses:
        for statement, parameters in watched.ask(path):
            if statement not in known:
                known.add(statement)
                yield path, statement, parameters


def test_a_page_does_the_same_work_at_four_times_the_messages(
    sqlite: Database, sqlite_template: Path, tmp_path: Path, watch: Make
) -> None:
    longer = Database(f"sqlite:///{tmp_path}/longer.db")
    (tmp_path / "longer.db").write_bytes(sqlite_template.read_bytes())
    works = [_works(watch(sqlite, _SHORT)), _works(watch(longer, _SHORT * 4))]
    longer.close()
    # In hundreds of instructions of SQLite's machine: how fast the computer is plays no part. Deeper trees cost a little.
    grown = {
        path: (before, after)
        for (path, before), after in zip(works[0].items(), works[1].values(), strict=True)
        if after > before * 1.3 + 150
    }
    assert grown == {}


def _works(watched: Watched) -> dict[str, int]:
    """Hundreds of instructions for each address, in order."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    event.listen(watched.database.engine, "checkout", lambda raw, *_: raw.set_progress_handler(tick, 100))
    found = {}
    for path in watched.addresses:
        count = 0
        watched.ask(path)
        found[path] = count
    return found


def test_a_page_that_is_asked_again_reads_only_the_hours_that_are_not_sealed(sqlite: Database, watch: Make) -> None:
    watched = watch(sqlite, 300)
    with watched.database.connect() as connection:
        newest = connection.execute(select(func.max(SealedBlock.start)).where(SealedBlock.hours == 6)).scalar_one()
    sealed_until = f"{newest + timedelta(hours=6):%Y-%m-%d %H:%M:%S.%f}"
    begins = set()
    for path in watched.addresses:
        if path in ("/", "/smtp", "/metrics") or path.startswith(("/?", "/statistics?")):
            watched.ask(path)
            again = watched.ask(path)
            assert not any("FROM rollup_block" in statement for statement, _ in again), path
            begins |= {given[0] for statement, given in again if re.search(r"rollup_\w+\.hour >= \?", statement)}
    assert begins
    assert min(begins) >= sealed_until


def test_what_waits_is_counted_in_indexes(sqlite: Database) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(sqlite.engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    providers.waiting_for(sqlite, 1)
    with sqlite.read() as session:
        waiting(session, utcnow())
    plans = []
    with sqlite.connect() as connection:
        for statement, parameters in [pair for pair in asked if "SELECT" in pair[0]]:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans += [row[3] for row in rows if "message" in row[3]]
    assert len(plans) == 6
    assert "INDEX ix_message_pinned" in plans[0]
    assert all("USING COVERING INDEX ix_message_" in line for line in plans[1:]), plans


def test_no_page_has_to_go_through_a_whole_table_on_postgresql(database: Database, watch: Make) -> None:
    if database.is_sqlite:
        watched = watch(database, 100)
        assert watched.database.is_sqlite, "SQLite has its own tests above"
        return
    watched = watch(database, _SHORT * 2)
    found = set()
    for path, statement, parameters in _new_statements(watched):
        with watched.database.connect() as connection:
            # Small tables are read whole with good reason; the question is whether there is another way.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar()
        for node in _nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]):
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in _GROWING:
                found.add((path, node["Relation Name"], statement))
    assert found == set()


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def test_a_page_that_needs_a_sample_is_named(watch: Make, sqlite: Database) -> None:
    watched = watch(sqlite, 100)
    with pytest.raises(NoSample, match="/logs/<message_id>"):
        pages(watched.panel.app.url_map, {"kind": "csv", "name": "x", "experiment_id": "1"})
