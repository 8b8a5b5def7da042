"""Alerts: opened once for what holds, closed when it is over, acknowledged by a person, told without a flood."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from senddock.dispatch import accounts, alert_notices, alerts
from senddock.dispatch.alerts import Raised, raise_alert
from senddock.dispatch.health import Health
from senddock.dispatch.watch import keep_watch, needing_a_person
from senddock.domain.breaker import Breaker, failed, held, paused
from senddock.domain.saying import plain
from senddock.models import Alert, HourlyRollup, Message, Provider, Worker
from tests.conftest import Bench

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def house(sqlite_bench: Bench) -> Bench:
    """One provider and a worker that is alive."""
    sqlite_bench.provider(25, "one")
    with sqlite_bench.database.write() as session:
        session.add(Worker(host="h", pid=1, started_at=NOW, heartbeat_at=NOW))
    return sqlite_bench


def _open(house: Bench) -> dict[str, str]:
    with house.database.read() as session:
        return {row.key: row.severity for row in alerts.open_alerts(session)}


def test_nothing_needs_a_person_on_a_healthy_house(house: Bench) -> None:
    keep_watch(house.database, NOW)
    assert _open(house) == {}


def test_a_refused_password_opens_one_alert_and_closes_it_when_it_works_again(house: Bench) -> None:
    health = Health(house.database, None)
    health.change((1, ""), lambda _: failed(Breaker(), weight=3, verdict_class="auth", text="535 no", now=NOW), NOW)
    for seconds in (0, 5, 10):
        keep_watch(house.database, NOW + timedelta(seconds=seconds))
    with house.database.read() as session:
        (row,) = alerts.open_alerts(session)
    assert (row.kind, row.severity, row.text, row.link) == ("auth", "error", "535 no", "/smtp/1")
    health.change((1, ""), lambda _: Breaker(), NOW)
    keep_watch(house.database, NOW + timedelta(seconds=10))
    assert _open(house) == {}


@pytest.mark.parametrize(
    ("breaker", "key", "severity"),
    [
        (paused(Breaker(), verdict_class="content_rejected", text="suspended", now=NOW), "provider:1", "error"),
        (failed(Breaker(), weight=3, verdict_class="connection", text="refused", now=NOW), "provider:1", "warn"),
        (
            held(Breaker(), until=NOW + timedelta(hours=3), verdict_class="quota_exceeded", text="over", now=NOW),
            "quota:1",
            "warn",
        ),
    ],
)
def test_breakers_tell_how_urgent_they_are(house: Bench, breaker: Breaker, key: str, severity: str) -> None:
    Health(house.database, None).change((1, ""), lambda _: breaker, NOW)
    keep_watch(house.database, NOW)
    assert _open(house) == {key: severity}


def test_a_disabled_provider_needs_nobody(house: Bench) -> None:
    breaker = paused(Breaker(), verdict_class="auth", text="no", now=NOW)
    Health(house.database, None).change((1, ""), lambda _: breaker, NOW)
    _change_provider(house, enabled=False)
    keep_watch(house.database, NOW)
    assert _open(house) == {}


def test_without_a_worker_mail_waits_and_a_person_is_asked_for(house: Bench) -> None:
    keep_watch(house.database, NOW + timedelta(minutes=1))
    assert _open(house) == {"no_worker": "error"}


def test_mail_that_nobody_takes_is_noticed_after_a_quarter_of_an_hour(house: Bench) -> None:
    message_id = house.submit()
    with house.database.write() as session:
        row = session.get(Message, message_id)
        assert row is not None
        row.due_at = NOW - timedelta(minutes=14)
    keep_watch(house.database, NOW)
    assert _open(house) == {}
    keep_watch(house.database, NOW + timedelta(seconds=61))
    assert "queue:1" in _open(house)


def test_an_old_password_is_warned_of(house: Bench) -> None:
    _change_provider(house, password_set_at=NOW - timedelta(days=90))
    keep_watch(house.database, NOW)
    assert _open(house) == {"password:1": "warn"}


@pytest.mark.parametrize(
    ("limits", "sent", "key", "severity", "words"),
    [
        ({"per_day": 100}, {1: 79}, None, None, ""),
        ({"per_day": 100}, {1: 80}, "allowance:1", "warn", "daily allowance is nearly used up"),
        ({"per_day": 100}, {1: 60, 23: 40}, "allowance:1", "error", "daily allowance is used up"),
        ({"per_day": 100}, {1: 79, 25: 100}, None, None, ""),
        (
            {"per_month": 3000},
            {1: 1400, 29 * 24: 1000},
            "allowance:1:month",
            "warn",
            "monthly allowance is nearly used up",
        ),
        ({"per_month": 3000}, {1: 1400, 32 * 24: 1000}, None, None, ""),
        ({"per_month": 3000}, {1: 3001}, "allowance:1:month", "error", "monthly allowance is used up"),
        # A day that begins at 8 o'clock in Madrid (7 UTC) has seen what was sent since then only.
        ({"per_day": 100, "day_reset_hour": 8, "day_zone": "Europe/Madrid"}, {6: 100}, None, None, ""),
        (
            {"per_day": 100, "day_reset_hour": 8, "day_zone": "Europe/Madrid"},
            {5: 80},
            "allowance:1",
            "warn",
            "80 % of 100",
        ),
    ],
)
def test_an_allowance_is_told_of_at_eighty_and_at_a_hundred_per_cent(
    house: Bench, limits: dict[str, Any], sent: dict[int, int], key: str | None, severity: str | None, words: str
) -> None:
    _change_provider(house, **limits)
    _sent(house, sent)
    keep_watch(house.database, NOW)
    assert _open(house) == ({key: severity} if key else {})
    with house.database.read() as session:
        assert all(words in f"{row.title} {row.text}" for row in alerts.open_alerts(session))


def test_who_was_told_at_eighty_per_cent_is_told_anew_at_a_hundred(house: Bench) -> None:
    _change_provider(house, per_day=100)
    _sent(house, {1: 85})
    keep_watch(house.database, NOW)
    alerts.acknowledge(house.database, _id(house), by="ana@acme.example", now=NOW)
    assert _strip(house) == []
    _sent(house, {2: 15})
    keep_watch(house.database, NOW)
    assert _strip(house) == ["allowance:1"]
    keep_watch(house.database, NOW + timedelta(days=2))
    assert "allowance:1" not in _open(house)


def test_attempts_that_never_reached_mail_cost_nothing_of_an_allowance(house: Bench) -> None:
    _change_provider(house, per_day=100)
    _sent(house, {1: 500}, verdict_class="connection")
    keep_watch(house.database, NOW)
    assert _open(house) == {}


def _sent(house: Bench, hours_ago: dict[int, int], verdict_class: str = "accepted") -> None:
    with house.database.write() as session:
        for hours, count in hours_ago.items():
            session.add(
                HourlyRollup(
                    hour=NOW - timedelta(hours=hours),
                    stream_id=1,
                    provider_id=1,
                    verdict_class=verdict_class,
                    recipients=count,
                    attempts=count,
                    failed_over=0,
                    duration_ms=1.0,
                )
            )


def test_the_strip_leaves_out_what_a_person_has_seen(house: Bench) -> None:
    _change_provider(house, password_set_at=NOW - timedelta(days=100))
    keep_watch(house.database, NOW)
    assert _strip(house) == ["password:1"]
    alerts.acknowledge(house.database, _id(house), by="ana@acme.example", now=NOW)
    assert _strip(house) == []
    # It still holds, so it stays open, and nobody is told again.
    keep_watch(house.database, NOW + timedelta(days=1))
    assert "password:1" in _open(house)


def test_an_event_is_over_when_a_person_has_seen_it(house: Bench) -> None:
    with house.database.write() as session:
        raise_alert(session, Raised("domain:a.b", "domain", "warn", plain("a.b has changed"), plain("SPF")), NOW)
    keep_watch(house.database, NOW)
    assert _strip(house) == ["domain:a.b"]
    alerts.acknowledge(house.database, _id(house), by="ana@acme.example", now=NOW)
    assert _open(house) == {}


def test_people_are_told_once_in_one_mail_through_the_queue(house: Bench, smtp_server: Any) -> None:
    server = smtp_server()
    _change_provider(house, port=server.port, password_set_at=NOW - timedelta(days=100))
    accounts.create_user(house.database, "ana@acme.example", "a long enough sentence")
    with house.database.write() as session:
        raise_alert(
            session,
            _changed("domain:a.b", severity="error"),
            NOW,
        )
    keep_watch(house.database, NOW)
    assert _notify(house, NOW) == 0
    later = datetime.now(UTC)
    assert _notify(house, later) == 2
    assert _notify(house, later) == 0
    house.engine.drain()
    (received,) = server.taken
    assert received.recipients == ["ana@acme.example"]
    assert b"Subject: SendDock: 2 things need a person" in received.data
    assert b"https://mail.acme.example/domains/a.b" in received.data


def test_a_storm_of_alerts_is_six_mails_an_hour(house: Bench) -> None:
    accounts.create_user(house.database, "ana@acme.example", "a long enough sentence")
    told = []
    for minute in range(30):
        now = NOW + timedelta(minutes=minute)
        with house.database.write() as session:
            raise_alert(
                session,
                _changed(f"domain:{minute}"),
                now - timedelta(minutes=1),
            )
        told.append(_notify(house, now))
    assert told == [1] * 6 + [0] * 24
    assert _notify(house, NOW + timedelta(minutes=61)) == 24


def test_a_person_may_want_no_mail(house: Bench) -> None:
    accounts.create_user(house.database, "ana@acme.example", "a long enough sentence")
    alert_notices.choose(house.database, alert_notices.Choices(email=False), NOW)
    with house.database.write() as session:
        raise_alert(session, Raised("domain:a.b", "domain", "warn", plain("t"), plain("x")), NOW)
    assert _notify(house, NOW + timedelta(minutes=1)) == 1
    with house.database.read() as session:
        assert session.scalar(select(Message.id)) is None


def _changed(key: str, severity: str = "warn") -> Raised:
    return Raised(key, "domain", severity, plain("a.b has changed"), plain("SPF is gone"), "/domains/a.b")


def _notify(house: Bench, now: datetime) -> int:
    return alert_notices.notify(house.database, house.outbox, now, public_url="https://mail.acme.example/")


def _strip(house: Bench) -> list[str]:
    with house.database.read() as session:
        return [item.key for item in needing_a_person(session, NOW, workers=1)]


def _id(house: Bench) -> int:
    with house.database.read() as session:
        found = session.scalar(select(Alert.id).where(Alert.closed_at.is_(None)))
    assert found is not None
    return found


def _change_provider(house: Bench, **values: Any) -> None:
    with house.database.write() as session:
        row = session.get(Provider, 1)
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)
