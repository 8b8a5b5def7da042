"""Which provider carries a message, and why not the others."""

from datetime import UTC, datetime, timedelta
from typing import Any

from senddock.domain.routing import Candidate, Need, NoRoute, Use, Wait, plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def candidate(provider_id: int, priority: int = 1, **values: Any) -> Candidate:
    given: dict[str, Any] = {
        "name": f"p{provider_id}",
        "weight": 100,
        "enabled": True,
        "from_policy": "any",
        "from_domains": frozenset({"example.com"}),
        "max_message_bytes": None,
    }
    return Candidate(provider_id=provider_id, priority=priority, **{**given, **values})


def decide(*candidates: Candidate, **need: Any) -> Any:
    return plan(candidates, Need(**{"from_domain": "example.com", "size": 1000, **need}), now=NOW)


def test_the_first_priority_is_used_and_the_others_are_named() -> None:
    decision = decide(candidate(1, 2), candidate(2, 1), candidate(3, 3, enabled=False))
    assert isinstance(decision, Use)
    assert decision.provider_id == 2
    assert {item.provider_id: item.why for item in decision.left_out} == {1: "priority 2 comes later", 3: "disabled"}


def test_what_was_tried_in_this_round_is_not_tried_again() -> None:
    assert decide(candidate(1, 1), candidate(2, 2), tried=frozenset({1})).provider_id == 2


def test_it_waits_for_the_first_that_comes_back() -> None:
    soon, late = NOW + timedelta(seconds=5), NOW + timedelta(hours=1)
    decision = decide(
        candidate(1, 1, closed_until=late, closed_why="failing"),
        candidate(2, 2, limited_until=soon, limited_why="per day"),
    )
    assert isinstance(decision, Wait)
    assert decision.until == soon
    assert "p2" in decision.why


def test_a_paused_provider_gives_no_time_to_wait_for() -> None:
    decision = decide(candidate(1, closed_until=None, closed_why="paused"))
    assert isinstance(decision, NoRoute)
    assert "paused" in decision.why


def test_no_provider_at_all_says_what_to_do() -> None:
    decision = decide()
    assert isinstance(decision, NoRoute)
    assert "add one" in decision.why


def test_own_domains_cover_their_subdomains_and_nothing_else() -> None:
    own = candidate(1, from_policy="own")
    assert isinstance(decide(own, from_domain="mail.example.com"), Use)
    assert isinstance(decide(own, from_domain="notexample.com"), NoRoute)
    assert isinstance(decide(candidate(1, from_policy="rewrite"), from_domain="other.net"), Use)


def test_a_refused_domain_waits_for_this_provider_only() -> None:
    refused = {"acme.com": (NOW + timedelta(minutes=15), "does not send for acme.com")}
    assert decide(candidate(1, refused_domains=refused), candidate(2, 2), from_domain="acme.com").provider_id == 2
    assert decide(candidate(1, refused_domains=refused), candidate(2, 2)).provider_id == 1


def test_a_size_refusal_looks_for_a_larger_provider() -> None:
    small, large = candidate(1, max_message_bytes=1000), candidate(2, 2, max_message_bytes=50_000)
    assert decide(small, large, size=2000).provider_id == 2
    assert decide(small, large, larger_than=1000).provider_id == 2
    assert isinstance(decide(small, large, size=60_000), NoRoute)


def test_weights_hold_their_shares_within_one_message() -> None:
    credit: dict[int, float] = {}
    pair = [candidate(1, weight=70), candidate(2, weight=30)]
    need = Need("example.com", 10)
    chosen = [plan(pair, need, now=NOW, credit=credit) for _ in range(10_000)]
    first = sum(isinstance(item, Use) and item.provider_id == 1 for item in chosen)
    assert abs(first - 7000) <= 1


def test_when_one_of_a_tier_is_at_its_limit_the_other_takes_over_before_the_next_priority() -> None:
    limited = candidate(1, limited_until=NOW + timedelta(hours=1), limited_why="per day")
    assert decide(limited, candidate(2, 1), candidate(3, 2)).provider_id == 2
