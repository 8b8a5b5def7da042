"""Settings: how long messages are kept, and what a person needs to know of the installation."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from senddock.dispatch import retention
from senddock.models import Database, Message
from tests.conftest import Bench
from tests.web.conftest import Panel

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def _ended(database: Database, message_id: str, state: str, days_ago: int) -> None:
    with database.write() as session:
        ended = NOW - timedelta(days=days_ago)
        session.execute(
            update(Message).where(Message.id == message_id).values(state=state, due_at=None, finished_at=ended)
        )


def _left(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


def test_nothing_is_let_go_before_a_person_has_chosen(bench: Bench) -> None:
    _ended(bench.database, bench.submit("a@example.org"), "accepted", 3000)
    assert retention.carry_out(bench.database, NOW) == 0
    assert _left(bench.database) == 1


def test_what_failed_is_kept_longer_and_what_waits_always(bench: Bench) -> None:
    for state, days in (("accepted", 31), ("accepted", 29), ("failed", 31), ("failed", 91), ("uncertain", 91)):
        _ended(bench.database, bench.submit("a@example.org"), state, days)
    waiting = bench.submit("b@example.org")
    with bench.database.write() as session:
        session.execute(update(Message).where(Message.id == waiting).values(created_at=NOW - timedelta(days=900)))
    retention.choose(bench.database, 30, 90, NOW)
    assert retention.carry_out(bench.database, NOW) == 3
    assert _left(bench.database) == 3
    assert retention.carry_out(bench.database, NOW) == 0


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("0", "", "1 to 3650"),
        ("30", "4000", "1 to 3650"),
        ("30", "10", "at least as long"),
        ("", "10", "at least as long"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused_beside_its_field(
    panel: Panel, sqlite: Database, good: str, bad: str, words: str
) -> None:
    answer = panel.post("/settings/retention", {"good_days": good, "bad_days": bad}, form="/settings")
    assert answer.status_code == 422
    assert words in answer.text
    assert retention.retention(sqlite) == retention.Retention()


def test_the_choice_is_kept_and_shown(panel: Panel, sqlite: Database) -> None:
    panel.post("/settings/retention", {"good_days": "30", "bad_days": "90"}, form="/settings")
    assert retention.retention(sqlite) == retention.Retention(30, 90)
    assert 'value="90"' in panel.get("/settings").text
    panel.post("/settings/retention", {"good_days": "", "bad_days": ""}, form="/settings")
    assert retention.retention(sqlite) == retention.Retention()


def test_the_page_tells_how_the_installation_is(panel: Panel, app: Flask) -> None:
    page = panel.get("/settings").text
    for words in ("SQLite 3", "Redis 7", "127.0.0.1:2525", "none is running"):
        assert words in page, words


def test_a_redis_that_is_gone_is_said_on_the_page(panel: Panel, app: Flask) -> None:
    from redis import Redis

    nowhere = Redis(unix_socket_path="/nonexistent.sock")
    services = app.extensions["senddock"]
    object.__setattr__(services, "redis", nowhere)
    assert "does not answer" in panel.get("/settings").text
