"""The report, its export, the rebuild from attempts, and the bounded list of domains."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from senddock.dispatch.named_domains import name_domains
from senddock.dispatch.rebuilding import rebuild
from senddock.dispatch.statistics_report import export, report
from senddock.dispatch.tally import Tally, pen_of
from senddock.domain.latency import BUCKETS, bucket_of, quantile
from senddock.domain.mailbox import MOST_NAMED, OTHER, busiest, counted_as
from senddock.domain.span import SPANS
from senddock.models import Attempt, Base, Database, DomainRollup, HourlyRollup, LatencyRollup
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, closed_port, reply

NOW = datetime(2026, 8, 5, 12, 30, tzinfo=UTC)
TABLES: tuple[type[Base], ...] = (HourlyRollup, DomainRollup, LatencyRollup)


def content(database: Database) -> list[list[tuple[Any, ...]]]:
    found = []
    with database.connect() as connection:
        for table in TABLES:
            rows = connection.execute(select(table.__table__)).all()
            found.append(
                sorted(tuple(round(cell, 3) if isinstance(cell, float) else cell for cell in row) for row in rows)
            )
    return found


def test_a_rebuild_from_the_attempts_gives_the_same_rows(
    bench: Bench, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    server = smtp_server({"rcpt": lambda to: reply("550 5.1.1 No such user") if to.startswith("gone") else None})
    bench.provider(closed_port(), "dead", 1)
    bench.provider(server.port, "alive", 2, recipients_per_message=2)
    for number in range(5):
        bench.submit(f"p{number}@busy.example", stream_id=1 + number % 2)
    name_domains(bench.database, datetime.now(UTC))
    bench.submit("a@busy.example", "gone@gmail.com", "c@rare.example")
    bench.engine.drain()
    before = content(bench.database)
    assert {row[3] for row in before[1]} >= {"busy.example", "gmail.com", OTHER}
    tomorrow = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    with bench.database.write() as session:
        for table in TABLES:
            session.execute(delete(table))
    assert rebuild(bench.database, until=tomorrow) != (0, 0)
    assert content(bench.database) == before
    assert rebuild(bench.database, until=tomorrow)[1] == 0, "a second time changes nothing"
    assert content(bench.database) == before
    # What pruning has taken from the attempts stays in the statistics.
    with bench.database.write() as session:
        session.execute(delete(Attempt))
    assert rebuild(bench.database, until=tomorrow)[0] == 0
    assert content(bench.database) == before


def filled(database: Database, hours: int, each: int) -> dict[str, int]:
    chance, tallies, accepted = random.Random(1), [], 0
    for back in range(hours):
        for _ in range(each):
            verdict_class = chance.choice(["accepted", "accepted", "recipient_transient", "connection"])
            domain = chance.choice(["gmail.com", OTHER])
            accepted += verdict_class == "accepted"
            at = NOW - timedelta(hours=back)
            tallies.append(
                Tally(
                    at, 1 + back % 2, 1 + back % 3, verdict_class, [(domain, verdict_class)], 120.0, failed_over=False
                )
            )
    with database.transaction() as connection:
        Tally.write(pen_of(connection), tallies)
    return {"all": hours * each, "accepted": accepted}


def test_the_report_has_every_figure_once(database: Database) -> None:
    wanted = filled(database, 24, 4)
    with database.read() as session:
        found = report(session, NOW, SPANS["24h"])
        one = report(session, NOW, SPANS["24h"], provider_id=1)
    hours = list(export(database, NOW, SPANS["24h"], "hour"))
    domains = list(export(database, NOW, SPANS["24h"], "domain"))
    assert sum(totals.recipients for totals in found.providers.values()) == wanted["all"]
    assert sum(totals.recipients for totals in found.streams.values()) == wanted["all"]
    assert sum(totals.recipients for totals in found.domains.values()) == wanted["all"]
    assert sum(found.classes.values()) == wanted["all"]
    assert sum(sum(filter(None, line)) for line in found.accepted.lines.values()) == wanted["accepted"]
    assert set(one.providers) == {1}
    assert found.latency.lines["p95"][-1] == pytest.approx(147.5)
    assert found.providers[1].p50 == pytest.approx(125.0)
    assert sum(row[4] for row in hours[1:]) == sum(row[5] for row in domains[1:]) == wanted["all"]


def test_a_page_reads_as_many_rows_at_ten_million_messages_as_at_a_thousand(sqlite: Database) -> None:
    filled(sqlite, 48, 3)
    with sqlite.write() as session:
        rows = session.scalar(select(func.count()).select_from(HourlyRollup))
        session.execute(update(HourlyRollup).values(recipients=HourlyRollup.recipients * 70_000))
    filled(sqlite, 48, 3)
    with sqlite.read() as session:
        assert session.scalar(select(func.sum(HourlyRollup.recipients))) == 144 * 70_001
        assert session.scalar(select(func.count()).select_from(HourlyRollup)) == rows


def test_names_of_domains_are_bounded_and_keep_their_place() -> None:
    sample = [f"d{number}.example" for number in range(300) for _ in range(2 + number % 5)]
    named = busiest(sample)
    assert len(named) == MOST_NAMED
    assert "d4.example" in named
    assert "gmail.com" not in busiest(["gmail.com"] * 9), "well-known ones need no place"
    assert busiest(["new.example"] * 9, {"old.example"}) == {"new.example", "old.example"}
    assert "rare.example" not in busiest(["rare.example"])
    full = {f"o{number}.example" for number in range(MOST_NAMED)}
    assert "new.example" in busiest(["new.example"] * 9, full)
    assert len(busiest(["new.example"] * 9, full)) == MOST_NAMED
    assert (counted_as("GMAIL.com"), counted_as("x.example"), counted_as("x.example", frozenset(["x.example"]))) == (
        "gmail.com", OTHER, "x.example",
    )  # fmt: skip


def test_quantiles_come_from_the_histogram_with_a_known_error() -> None:
    chance = random.Random(5)
    sample = sorted(chance.lognormvariate(5, 1) for _ in range(20_000))
    histogram: dict[int, int] = {}
    for value in sample:
        histogram[bucket_of(value)] = histogram.get(bucket_of(value), 0) + 1
    for share in (0.5, 0.95, 0.99):
        exact, read = sample[int(share * len(sample))], quantile(histogram, share)
        assert read is not None
        assert abs(read - exact) / exact < 0.34
    assert quantile({}, 0.5) is None
    assert bucket_of(10**9) == BUCKETS[-1]
    assert quantile({BUCKETS[-1]: 3}, 1.0) == BUCKETS[-1]
