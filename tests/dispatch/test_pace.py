"""Limits of a provider on a real Redis, with a clock that is told: never more than allowed in any window, hardly less."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from senddock.dispatch import dot_marks
from senddock.dispatch.pace import Exhausted, Grant, Pace
from senddock.dispatch.redis_circuit import CircuitRedis
from senddock.models import Attempt, Database, Provider
from tests.dispatch.rows import mark_of, message
from tests.e2e.house import until
from tests.own_redis import own_redis

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def provider(**limits: Any) -> Provider:
    given = dict.fromkeys(
        (
            "per_second",
            "per_minute",
            "per_hour",
            "per_day",
            "per_month",
            "day_reset_hour",
            "day_zone",
            "max_connections",
        )
    )
    return Provider(id=1, name="p", transactional_reserve=0, **{**given, **limits})


def granted(answer: Grant | Exhausted) -> bool:
    return isinstance(answer, Grant)


def saturate(pace: Pace, row: Provider, *, seconds: float, step: float) -> list[float]:
    """Ask all the time; answers the moments at which something was granted."""
    moments, at = [], 0.0
    while at < seconds:
        if isinstance(pace.take(row, transactional=True, now=START + timedelta(seconds=at)), Grant):
            moments.append(at)
        else:
            at += step
    return moments


@pytest.mark.parametrize(
    ("limit", "window", "amount"), [("per_second", 1, 14), ("per_minute", 60, 100), ("per_hour", 3600, 500)]
)
def test_no_window_holds_more_and_saturation_gets_99_per_cent(
    sqlite: Database, redis: Redis, limit: str, window: int, amount: int
) -> None:
    pace = Pace(sqlite, redis)
    spans = 6
    moments = saturate(pace, provider(**{limit: amount}), seconds=window * spans, step=window / 1000)
    for index, first in enumerate(moments):
        later = moments[index + amount] if index + amount < len(moments) else None
        assert later is None or later - first >= window - 1e-9, "one more than allowed within a window"
    # A burst of the whole amount opens each window; the last window has just begun.
    assert len(moments) >= 0.99 * amount * (spans - 1)


def test_all_limits_are_taken_together_or_none(sqlite: Database, redis: Redis) -> None:
    pace, row = Pace(sqlite, redis), provider(per_second=5, per_day=7)
    assert len(saturate(pace, row, seconds=10, step=0.01)) == 7
    refused = pace.take(row, transactional=True, now=START + timedelta(seconds=10))
    assert isinstance(refused, Exhausted)
    assert refused.limit == "day"
    assert 86_000 < refused.seconds <= 87_400
    used = sum(int(value) for value in redis.hvals("senddock:pace:1:day"))
    assert used == 7, "a refusal by one limit takes nothing from the others"


def test_the_answer_names_a_wait_after_which_it_is_granted(sqlite: Database, redis: Redis) -> None:
    pace, row = Pace(sqlite, redis), provider(per_minute=3)
    for second in (0, 10, 20):
        assert granted(pace.take(row, transactional=True, now=START + timedelta(seconds=second)))
    refused = pace.take(row, transactional=True, now=START + timedelta(seconds=30))
    assert isinstance(refused, Exhausted)
    again = START + timedelta(seconds=30 + refused.seconds)
    assert not granted(pace.take(row, transactional=True, now=again - timedelta(seconds=1)))
    assert granted(pace.take(row, transactional=True, now=again))


def test_a_fixed_day_starts_anew_at_its_hour_in_its_zone(sqlite: Database, redis: Redis) -> None:
    pace, row = Pace(sqlite, redis), provider(per_day=2, day_reset_hour=0, day_zone="America/New_York")
    assert all(granted(pace.take(row, transactional=True, now=START)) for _ in range(2))
    refused = pace.take(row, transactional=True, now=START)
    assert isinstance(refused, Exhausted)
    assert refused.seconds == 17 * 3600, "midnight in New York is 05:00 UTC"
    assert granted(pace.take(row, transactional=True, now=START + timedelta(hours=17)))


def test_a_part_of_the_day_is_kept_for_transactional_mail(sqlite: Database, redis: Redis) -> None:
    pace, row = Pace(sqlite, redis), provider(per_day=10)
    row.transactional_reserve = 20
    assert [granted(pace.take(row, transactional=False, now=START)) for _ in range(10)].count(True) == 8
    assert [granted(pace.take(row, transactional=True, now=START)) for _ in range(3)] == [True, True, False]


def kept(database: Database, **limits: Any) -> Provider:
    """A provider that is stored."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {"host": "h", "port": 25, "encryption": "none", "from_email": "a@b.de"}
    with database.write() as session:
        row = Provider(name="p", created_at=now, updated_at=now, **values, **limits)
        session.add(row)
    return row


def sent(database: Database, moments: Iterable[datetime]) -> None:
    """Attempts of provider 1 that began at these moments."""
    with database.write() as session:
        for moment in moments:
            message_id = message(session, moment)
            session.add(Attempt(message_id=message_id, number=1, provider_id=1, provider_name="p", started_at=moment))


def test_counters_are_rebuilt_from_the_attempts_after_a_wipe(sqlite: Database, redis: Redis) -> None:
    now, row = datetime.now(UTC), kept(sqlite, per_day=5)
    sent(sqlite, [now - timedelta(hours=number) for number in range(4)])
    pace = Pace(sqlite, redis)
    assert granted(pace.take(row, transactional=True, now=now))
    refused = pace.take(row, transactional=True, now=now)
    assert isinstance(refused, Exhausted)
    assert 20 * 3600 < refused.seconds < 21.5 * 3600, "the oldest of them leaves the window first"


@pytest.mark.parametrize("with_redis", [True, False])
def test_what_is_on_the_wire_just_now_counts_too(sqlite: Database, redis: Redis, with_redis: bool) -> None:
    now, row = datetime.now(UTC), kept(sqlite, per_day=3)
    sent(sqlite, [now])
    with sqlite.transaction() as connection:
        dot_marks.begin(connection, 77)
    marks = [mark_of(f"{number:036}", 1) for number in range(2)]
    for mark in marks:
        mark.attempt.update(provider_id=1, started_at=now)
    with sqlite.pen() as pen:
        dot_marks.write(pen, dot_marks.bind(sqlite.engine.dialect, 77, marks))
    pace = Pace(sqlite, redis if with_redis else None)
    assert isinstance(pace.take(row, transactional=True, now=now), Exhausted)


def test_what_left_while_redis_did_not_answer_is_counted_when_it_does(sqlite: Database) -> None:
    now, row = datetime.now(UTC), kept(sqlite, per_hour=10, per_day=100)
    with own_redis() as server:
        client = CircuitRedis.connect(server.url)
        pace = Pace(sqlite, client)
        assert [granted(pace.take(row, transactional=True, now=now)) for _ in range(4)] == [True] * 4
        server.hang()
        assert granted(pace.take(row, transactional=True, now=now)), "one, by the local share"
        # What was taken before and what left meanwhile, through this worker and others.
        sent(sqlite, [now] * 9)
        server.go_on()
        until(lambda: not client.circuit.is_open, 60, lambda: "the circuit stays open")
        after = [granted(pace.take(row, transactional=True, now=now)) for _ in range(3)]
        assert after == [True, False, False], "ten in an hour, whoever counted them"
        client.close()


@pytest.mark.parametrize("limits", [{"per_hour": 5}, {"per_day": 5, "day_reset_hour": 0}, {"per_month": 5}])
def test_without_redis_what_is_used_up_stays_used_up(sqlite: Database, limits: dict[str, int]) -> None:
    # Within the present hour and day.
    now, row = START + timedelta(minutes=30), kept(sqlite, **limits)
    sent(sqlite, [now - timedelta(minutes=number) for number in range(5)])
    for redis in (None, Redis.from_url("unix:///nonexistent/redis.sock")):
        pace = Pace(sqlite, redis)
        refused = pace.take(row, transactional=True, now=now)
        assert isinstance(refused, Exhausted)
        assert f"per_{refused.limit}" in limits
        assert isinstance(pace.room(row, transactional=True, now=now), Exhausted)
        assert granted(Pace(sqlite, redis).take(row, transactional=True, now=now + timedelta(days=32)))


def test_without_redis_it_goes_slower_and_never_opens(sqlite: Database) -> None:
    gone = Redis.from_url("unix:///nonexistent/redis.sock")
    pace, row = Pace(sqlite, gone, workers=2), provider(per_second=1, per_hour=10)
    assert [granted(pace.take(row, transactional=True, now=START)) for _ in range(20)].count(True) == 1
    gone.close()
