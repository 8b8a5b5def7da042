"""Blocks of hours that are over change what a page costs and nothing that it shows, on both databases."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, func, select

from senddock.dispatch.block_sums import stretches, totals
from senddock.dispatch.blocks import LENGTHS, OUTCOMES, seal_blocks
from senddock.dispatch.metrics import exposition
from senddock.dispatch.rebuilding import rebuild
from senddock.dispatch.statistics import series_by_provider
from senddock.dispatch.statistics_report import report
from senddock.dispatch.tally import Tally, pen_of
from senddock.domain.span import SPANS
from senddock.models import Database, SealedBlock

NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
CHOICES: list[dict[str, int | None]] = [
    {}, {"provider_id": 2}, {"stream_id": 1}, {"stream_id": 2, "provider_id": 3}
]  # fmt: skip


def tally(at: datetime, verdict_class: str = "accepted", provider_id: int = 1) -> Tally:
    domain = ("gmail.com", "other")[at.hour % 2]
    return Tally(at, 1 + at.day % 2, provider_id, verdict_class, [(domain, verdict_class)], 90.0, failed_over=False)


def write(database: Database, *tallies: Tally) -> None:
    with database.transaction() as connection:
        Tally.write(pen_of(connection), tallies)


def fill(database: Database, days: int) -> None:
    chance = random.Random(3)
    classes = ("accepted", "accepted", "recipient_permanent", "greylisted", "connection")
    moments = [NOW - timedelta(hours=hours) for hours in range(0, days * 24, 5)]
    write(database, *(tally(at, chance.choice(classes), chance.randint(1, 3)) for at in moments))


def shown(database: Database) -> list[Any]:
    """Everything that pages and metrics say."""
    with database.read() as session:
        reports = [report(session, NOW, span, **choice) for span in SPANS.values() for choice in CHOICES]
        charts = [series_by_provider(session, NOW, span) for span in SPANS.values()]
        return [*_plain(reports), *_plain(charts), exposition(session, NOW, "1")]


def _plain(items: list[Any]) -> list[str]:
    return [repr(item) for item in items]


def seals(database: Database) -> dict[int, int]:
    with database.read() as session:
        rows = session.execute(select(SealedBlock.hours, func.count()).group_by(SealedBlock.hours))
        return {row[0]: row[1] for row in rows}


def test_pages_show_the_same_from_blocks_as_from_hours(database: Database) -> None:
    fill(database, 70)
    before = shown(database)
    while seal_blocks(database, NOW):
        pass
    found = seals(database)
    assert set(found) == set(LENGTHS), found
    assert found[24] >= 68
    assert shown(database) == before
    with database.read() as session:
        pieces = stretches(session, NOW.replace(minute=0) - timedelta(days=60), NOW, LENGTHS[0])
    assert sum((piece.end - piece.begin for piece in pieces), timedelta()) >= timedelta(days=60)
    assert len(pieces) < 12, "few pieces stand for 1,440 hours"


def test_what_is_counted_late_is_shown_at_once_and_sealed_again(database: Database) -> None:
    fill(database, 12)
    while seal_blocks(database, NOW):
        pass
    whole = seals(database)
    write(database, tally(NOW - timedelta(days=5), "uncertain"))
    opened = seals(database)
    assert (whole[6] - opened[6], whole[24] - opened[24]) == (1, 1)
    with database.read() as session:
        assert report(session, NOW, SPANS["7d"]).classes["uncertain"] == 1
        assert report(session, NOW, SPANS["30d"]).classes["uncertain"] == 1
    before = shown(database)
    while seal_blocks(database, NOW):
        pass
    assert seals(database) == whole
    assert shown(database) == before


def test_hours_of_a_sealed_block_are_read_once_and_again_when_something_was_counted_late(database: Database) -> None:
    fill(database, 3)
    while seal_blocks(database, NOW):
        pass
    since = NOW.replace(minute=0) - timedelta(hours=24)
    asked: list[datetime] = []

    def outcomes() -> int:
        asked.clear()
        with database.read() as session:
            pieces = stretches(session, since, NOW.replace(minute=0), 1)
            assert {piece.hours for piece in pieces} == {1}
            assert sum((piece.end - piece.begin for piece in pieces), timedelta()) == timedelta(hours=24)
            return sum(row[1] for row in totals(session, OUTCOMES, pieces, ("at",), ("recipients",)))

    @event.listens_for(database.engine, "before_execute")
    def note(_connection: Any, statement: Any, _several: Any, given: Any, _options: Any) -> None:
        if "begin" in given and "rollup_hour" in str(statement):
            asked.append(given["begin"])

    whole = outcomes()
    assert outcomes() == whole
    assert all(begin >= NOW - timedelta(hours=9) for begin in asked), "only what no block holds yet"
    late = since + timedelta(hours=3)
    write(database, tally(late))
    assert outcomes() == whole + 1
    assert any(begin <= late for begin in asked)
    while seal_blocks(database, NOW):
        pass
    assert outcomes() == whole + 1
    assert outcomes() == whole + 1
    assert all(begin >= NOW - timedelta(hours=9) for begin in asked)


def test_what_is_counted_on_time_touches_no_seal(database: Database) -> None:
    fill(database, 5)
    while seal_blocks(database, NOW):
        pass
    whole = seals(database)
    write(database, tally(datetime.now(UTC)), tally(datetime.now(UTC) - timedelta(minutes=50)))
    assert seals(database) == whole


def test_a_rebuild_leaves_no_block_that_was_made_before_it(sqlite: Database) -> None:
    fill(sqlite, 5)
    seal_blocks(sqlite, NOW)
    assert seals(sqlite)
    rebuild(sqlite, until=NOW.replace(minute=0))
    assert seals(sqlite) == {}


def test_a_go_of_the_clock_makes_a_bounded_number_of_blocks_and_the_newest_first(sqlite: Database) -> None:
    fill(sqlite, 20)
    assert seal_blocks(sqlite, NOW, 3) == 3
    with sqlite.read() as session:
        newest = session.scalar(select(func.max(SealedBlock.start)))
    assert newest is not None
    assert NOW - newest < timedelta(hours=15)
    assert seal_blocks(sqlite, NOW, 4) == 5, "the first day has all its parts"


def test_without_statistics_there_is_nothing_to_seal(sqlite: Database) -> None:
    assert seal_blocks(sqlite, NOW) == 0
