"""The breaker: from closed to open, through probe, trial and ramp back to closed."""

from datetime import UTC, datetime, timedelta

import pytest

from senddock.domain.breaker import (
    MEMORY,
    THRESHOLD,
    Breaker,
    Phase,
    failed,
    held,
    paused,
    probed,
    probing,
    spent,
    succeeded,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fail(breaker: Breaker, weight: float = 1.0, now: datetime = NOW) -> Breaker:
    return failed(breaker, weight=weight, verdict_class="connection", text="refused", now=now)


def test_it_opens_at_the_third_failure_in_a_row() -> None:
    two = fail(fail(Breaker()))
    assert two.lets_through(NOW)
    assert fail(two).phase is Phase.OPEN
    assert fail(succeeded(two, NOW)).phase is Phase.CLOSED


def test_a_timeout_opens_it_at_once_and_wrong_credentials_at_the_second() -> None:
    assert fail(Breaker(), THRESHOLD).phase is Phase.OPEN
    once = fail(Breaker(), THRESHOLD / 2)
    assert once.phase is Phase.CLOSED
    assert fail(once, THRESHOLD / 2).phase is Phase.OPEN


def test_old_failures_are_forgotten() -> None:
    two = fail(fail(Breaker()))
    assert fail(two, now=NOW + timedelta(seconds=MEMORY + 1)).phase is Phase.CLOSED


def test_the_way_back_is_probe_then_one_message_then_a_ramp() -> None:
    opened = fail(Breaker(), THRESHOLD)
    assert opened.until is not None
    assert not opened.wants_probe(NOW)
    later = opened.until
    assert opened.wants_probe(later)
    trial = probed(probing(opened, later), ok=True, text="", now=later)
    assert (trial.phase, trial.allowance) == (Phase.TRIAL, 1)
    used = spent(trial)
    assert not used.lets_through(later)
    ramp = succeeded(used, later)
    assert ramp.phase is Phase.RAMP
    steps = 0
    while ramp.phase is Phase.RAMP:
        ramp, steps = succeeded(spent(ramp), later), steps + 1
        assert steps < 100
    assert ramp == Breaker()


def test_each_failed_return_keeps_it_open_for_longer() -> None:
    opened, spans = fail(Breaker(), THRESHOLD), []
    for _ in range(8):
        assert opened.until is not None
        assert opened.since is not None
        spans.append((opened.until - opened.since).total_seconds())
        opened = probed(probing(opened, opened.until), ok=False, text="still dead", now=opened.until)
    assert spans == sorted(spans)
    assert spans[1] == 2 * spans[0]
    assert max(spans) == 300


def test_a_pause_ends_by_a_person_only() -> None:
    state = paused(Breaker(), verdict_class="content_rejected", text="account blocked", now=NOW)
    assert fail(state) == succeeded(state, NOW) == probed(state, ok=True, text="", now=NOW) == state
    assert not state.wants_probe(NOW + timedelta(days=30))


def test_a_probe_whose_worker_died_is_made_again() -> None:
    lost = probing(fail(Breaker(), THRESHOLD), NOW)
    assert not lost.wants_probe(NOW + timedelta(seconds=30))
    assert lost.wants_probe(NOW + timedelta(seconds=61))


@pytest.mark.parametrize(
    "state", [Breaker(), fail(Breaker()), held(Breaker(), until=NOW, verdict_class="q", text="t", now=NOW)]
)
def test_it_survives_being_stored(state: Breaker) -> None:
    assert Breaker.from_json(state.to_json()) == state
