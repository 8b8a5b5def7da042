"""Overview: the first steps tick themselves, then figures, chart, providers, queue, workers and incidents."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from senddock.dispatch import keys, providers
from senddock.dispatch.allowance import allowances
from senddock.models import Database, Worker
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, closed_port
from tests.web.conftest import Panel


@pytest.fixture
def mail(sqlite: Database, vault: Vault, redis: Redis) -> Iterator[Bench]:
    made = Bench(sqlite, vault, redis)
    yield made
    made.close()


def test_the_first_steps_tick_themselves(
    panel: Panel, mail: Bench, sqlite: Database, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    def done() -> int:
        return str(panel.get("/", fragment=True).text).count('class="done"')

    assert done() == 1
    assert panel.get("/", fragment=True).text.strip() in panel.get("/").text
    mail.provider(smtp_server().port)
    assert done() == 2
    keys.create(sqlite, "shop")
    assert done() == 3
    mail.submit()
    assert "watch it arrive in the log" in panel.get("/").text
    mail.engine.drain()
    assert "Accepted by provider" in panel.get("/").text
    assert "First steps" not in panel.get("/").text


def test_the_overview_can_be_had_before_the_steps_are_done(panel: Panel) -> None:
    assert "Accepted by provider" in panel.get("/?all=1").text


def test_the_overview_answers_whether_mail_is_going_out(
    panel: Panel, mail: Bench, sqlite: Database, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    server = smtp_server()
    mail.provider(closed_port(), "AWS SES", 1)
    mail.provider(server.port, "Resend", 2, per_day=10)
    keys.create(sqlite, "shop")
    ids = [mail.submit() for _ in range(4)]
    mail.engine.drain()
    now = datetime.now(UTC)
    with sqlite.write() as session:
        session.add(Worker(host="mx1", pid=7, started_at=now, heartbeat_at=now - timedelta(seconds=2)))
    for span in ("24h", "7d", "30d", "nonsense"):
        page = panel.get(f"/?span={span}").text
        for words in ("Resend: 4", "day: 4 of 10", "Accepted in 24 h", "Connection refused", "Open incidents", "mx1"):
            assert words in page, (span, words)
        assert any(f"/logs/{message_id}" in page for message_id in ids)
        assert panel.get(f"/?span={span}", fragment=True).text.strip()[:300] in page


def test_the_used_share_of_a_limit_is_the_one_that_sending_counts(
    mail: Bench, redis: Redis, sqlite: Database, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    # Half a day away, so that the day does not end while this runs.
    reset = (datetime.now(UTC).hour + 12) % 24
    mail.provider(smtp_server().port, "one", 1, per_hour=100, per_day=50, day_reset_hour=reset)
    for _ in range(3):
        mail.submit()
    mail.engine.drain()
    now = datetime.now(UTC)
    rows = providers.all_providers(sqlite)
    hour, day = allowances(redis, rows, now)[rows[0].id]
    assert (hour.name, hour.used, hour.limit) == ("hour", 3, 100)
    assert (day.name, day.used, day.limit) == ("day", 3, 50)
    assert hour.resets_at is not None
    assert timedelta(0) < hour.resets_at - now <= timedelta(hours=1, minutes=1)
    assert day.resets_at is not None
    assert timedelta(0) < day.resets_at - now <= timedelta(days=1)
    assert allowances(redis, rows, now + timedelta(days=2))[rows[0].id][0].used == 0
