"""The schedule of tries, the pause of an endpoint that does not answer, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from senddock.domain.webhook_schedule import held_until, is_given_up, next_try

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_the_pauses_are_those_that_receivers_know() -> None:
    pauses = [next_try(tries, NOW, chance=0) for tries in range(9)]
    seconds = [None if moment is None else (moment - NOW).total_seconds() for moment in pauses]
    assert seconds == [0, 5, 300, 1800, 7200, 18000, 36000, 36000, None]


def test_jitter_only_adds_and_a_wish_is_honoured_within_reason() -> None:
    later = next_try(2, NOW, chance=1)
    assert later == NOW + timedelta(seconds=360)
    assert next_try(1, NOW, chance=0, asked=120) == NOW + timedelta(seconds=120)
    assert next_try(1, NOW, chance=0, asked=10**9) == NOW + timedelta(hours=6)


@pytest.mark.parametrize(("failing", "held"), [(0, 5), (60, 15), (600, 150), (86400, 300)])
def test_an_endpoint_is_left_alone_longer_the_longer_it_fails(failing: int, held: int) -> None:
    assert held_until(timedelta(seconds=failing), NOW) == NOW + timedelta(seconds=held)


def test_five_days_without_a_success_are_enough() -> None:
    assert not is_given_up(None, NOW)
    assert not is_given_up(NOW - timedelta(days=5) + timedelta(seconds=1), NOW)
    assert is_given_up(NOW - timedelta(days=5), NOW)
