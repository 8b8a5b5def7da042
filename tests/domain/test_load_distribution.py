"""Load distribution: shares hold within one per cent, limits push the rest to the others of the tier first."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from senddock.domain.routing import Candidate, Need, Use, Wait, plan
from senddock.domain.shares import pick

NOW = datetime(2026, 8, 5, 12, 0, tzinfo=UTC)
NEED = Need(from_domain="example.com", size=1000)
WEIGHTS = st.lists(st.integers(1, 1000), min_size=2, max_size=6)


def candidate(number: int, priority: int = 1, weight: int = 100, limited: bool = False) -> Candidate:
    return Candidate(
        provider_id=number,
        name=f"p{number}",
        priority=priority,
        weight=weight,
        enabled=True,
        from_policy="any",
        from_domains=frozenset(),
        max_message_bytes=None,
        limited_until=NOW + timedelta(hours=1) if limited else None,
        limited_why="limit per hour is used up" if limited else None,
    )


def counts(weights: list[int], workers: int, messages: int) -> dict[int, int]:
    table = dict(enumerate(weights))
    owed: list[dict[int, float]] = [{} for _ in range(workers)]
    found = dict.fromkeys(table, 0)
    for number in range(messages):
        # Workers do not take turns: one may carry most of the load.
        found[pick(table, owed[number % (workers + 1) % workers])] += 1
    return found


@settings(max_examples=15, deadline=None)
@given(WEIGHTS, st.integers(1, 3))
def test_shares_hold_within_one_per_cent_over_ten_thousand_messages_in_any_number_of_workers(
    weights: list[int], workers: int
) -> None:
    found = counts(weights, workers, 10_000)
    for key, weight in enumerate(weights):
        assert abs(found[key] / 10_000 - weight / sum(weights)) <= 0.01


@settings(max_examples=100, deadline=None)
@given(WEIGHTS, st.integers(1, 300))
def test_no_share_is_ever_off_by_more_than_one_message_for_each_provider(weights: list[int], messages: int) -> None:
    found = counts(weights, 1, messages)
    for key, weight in enumerate(weights):
        assert abs(found[key] - messages * weight / sum(weights)) <= len(weights)


@settings(max_examples=30, deadline=None)
@given(WEIGHTS, st.data())
def test_what_is_at_its_limit_is_taken_over_by_its_tier_in_proportion_before_the_next_priority(
    weights: list[int], data: st.DataObject
) -> None:
    limited = data.draw(st.sets(st.integers(0, len(weights) - 1), max_size=len(weights) - 1))
    table = [candidate(number, 1, weight, number in limited) for number, weight in enumerate(weights)]
    table.append(candidate(99, 2))
    credit: dict[int, float] = {}
    found = dict.fromkeys(range(len(weights)), 0)
    for _ in range(1000):
        decision = plan(table, NEED, now=NOW, credit=credit)
        assert isinstance(decision, Use)
        found[decision.provider_id] += 1
    left = sum(weight for number, weight in enumerate(weights) if number not in limited)
    for number, weight in enumerate(weights):
        wanted = 0 if number in limited else 1000 * weight / left
        assert abs(found[number] - wanted) <= len(weights)


def test_the_next_priority_gets_mail_only_when_the_whole_tier_is_out() -> None:
    table = [candidate(1, 1, limited=True), candidate(2, 1, limited=True), candidate(3, 2)]
    decision = plan(table, NEED, now=NOW)
    assert isinstance(decision, Use)
    assert (decision.provider_id, decision.why) == (3, "priority 2: no provider before it can take the message now")
    assert {item.name: item.why for item in decision.left_out} == {
        "p1": "limit per hour is used up",
        "p2": "limit per hour is used up",
    }


def test_when_everything_is_at_its_limit_the_message_waits_for_the_first_to_be_free() -> None:
    decision = plan([candidate(1, limited=True), candidate(2, 2, limited=True)], NEED, now=NOW)
    assert isinstance(decision, Wait)
    assert decision.until == NOW + timedelta(hours=1)


def test_the_reason_tells_the_share_that_holds_just_now() -> None:
    table = [candidate(1, weight=70), candidate(2, weight=30), candidate(3, weight=900, limited=True)]
    decision = plan(table, NEED, now=NOW)
    assert isinstance(decision, Use)
    assert decision.why == "priority 1, 70 % of what goes out there now"
    alone = plan([candidate(1, weight=70), candidate(2, weight=30, limited=True)], NEED, now=NOW)
    assert isinstance(alone, Use)
    assert alone.why == "priority 1: it takes over the share of those that cannot"
