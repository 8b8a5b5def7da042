"""The wall clock is set forward or back an hour: nothing stays barred or slowed for as long as it was set."""

from datetime import UTC, datetime, timedelta

import pytest

from senddock.domain.breaker import THRESHOLD, Breaker, Phase, failed, held, probing, tried
from senddock.domain.pacing import Slowdown, slowed
from senddock.domain.retry import Schedule, expiry

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
_SAID = {"verdict_class": "connection", "text": "Connection timeout"}


@pytest.mark.parametrize("shift", [HOUR, -HOUR], ids=["forward", "back"])
def test_an_open_breaker_is_probed_and_a_lost_probe_is_made_again(shift: timedelta) -> None:
    opened = failed(Breaker(), weight=THRESHOLD, now=NOW, **_SAID)
    assert not opened.wants_probe(NOW)
    assert opened.wants_probe(NOW + shift)
    assert probing(opened, NOW).wants_probe(NOW + shift)
    quota = held(Breaker(), until=NOW + timedelta(minutes=30), now=NOW, **_SAID)
    assert quota.wants_probe(NOW + shift)


@pytest.mark.parametrize("shift", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_from_domain_may_try_again(shift: timedelta) -> None:
    barred = held(Breaker(), until=NOW + timedelta(minutes=15), now=NOW, **_SAID)
    assert barred.bars(NOW)
    assert not barred.bars(NOW + shift)
    trial = tried(barred, NOW + shift)
    assert trial.phase is Phase.TRIAL
    assert trial.bars(NOW + shift), "one message tries, the others wait for it"


@pytest.mark.parametrize("shift", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_halved_pace_is_forgotten_and_may_be_halved_again(shift: timedelta) -> None:
    slow = slowed(None, pace=10, now=NOW)
    assert slow.pace_at(NOW) == 5
    assert slow.pace_at(NOW + shift) is None
    again = slowed(slow, pace=10, now=NOW + shift)
    assert again == Slowdown(5, 10, NOW + shift)


def test_a_clock_that_differs_by_a_second_among_workers_changes_nothing() -> None:
    slow = slowed(None, pace=10, now=NOW)
    behind = NOW - timedelta(seconds=1)
    assert slow.pace_at(behind) == 5
    assert held(Breaker(), until=NOW + HOUR, now=NOW, **_SAID).bars(behind)


def test_a_messages_own_end_is_a_moment_and_not_a_span() -> None:
    schedule = Schedule(first=15, longest=3600, max_age=6 * 3600)
    end = expiry(schedule, created_at=NOW, scheduled_at=None, expires_at=NOW + timedelta(minutes=5))
    assert end == NOW + timedelta(minutes=5)
