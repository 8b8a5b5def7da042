"""The statistics of experiments: known values, and simulated experiments that show the promised rate of error.

Each simulation is watched all the time, after every block of recipients, as people watch a page.
"""

import random
from math import exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senddock.domain.experiment import Arm
from senddock.domain.experiment_verdict import ArmCounts, judge
from senddock.domain.proportions import newcombe, wilson
from senddock.domain.sequential_test import differs, log_evidence

NAMES = {1: "AWS SES", 2: "Resend", 3: "Hostinger"}


def test_wilson_and_newcombe_give_the_published_values() -> None:
    # Newcombe 1998: Statistics in Medicine 17, 857-872 (81/263) and 873-890, table II, method 10 (56/70 - 48/80).
    one = wilson(81, 263)
    assert (round(one.low, 4), round(one.high, 4)) == (0.2553, 0.3662)
    both = newcombe(56, 70, 48, 80)
    assert (round(both.low, 4), round(both.high, 4)) == (0.0524, 0.3339)
    none = newcombe(0, 10, 0, 20)
    assert (round(none.low, 4), round(none.high, 4)) == (-0.1611, 0.2775)
    assert (wilson(0, 10).low, wilson(10, 10).high) == (0.0, 1.0)


def test_evidence_is_one_before_the_first_event_and_a_martingale_after_it() -> None:
    shares = (0.3, 0.7)
    assert log_evidence([0, 0], shares) == 0
    for counts in ([0, 0], [3, 1], [10, 40]):
        following = sum(
            share * exp(log_evidence([counts[0] + (arm == 0), counts[1] + (arm == 1)], shares))
            for arm, share in enumerate(shares)
        )
        assert following == pytest.approx(exp(log_evidence(counts, shares)))


@given(st.lists(st.integers(0, 10**7), min_size=2, max_size=4))
def test_evidence_has_a_value_at_any_count(counts: list[int]) -> None:
    assert isinstance(log_evidence(counts, [1 / len(counts)] * len(counts)), float)
    with pytest.raises(ValueError, match="positive share"):
        log_evidence(counts, [0.0] * len(counts))


def experiment(chance: random.Random, shares: tuple[float, ...], rates: tuple[float, ...], recipients: int) -> str:
    """Run one, look after every 50 recipients, stop at the first winner; answers the last state, or who won."""
    total, events = [0] * len(shares), [0] * len(shares)
    arms = range(len(shares))
    state = "empty"
    for number in range(1, recipients + 1):
        arm = chance.choices(arms, shares)[0]
        total[arm] += 1
        events[arm] += chance.random() < rates[arm]
        if number % 50 == 0:
            counts = [
                ArmCounts(
                    Arm(one + 1, 100 * shares[one]), {"hard_bounce": events[one], "accepted": total[one] - events[one]}
                )
                for one in arms
            ]
            found = judge(counts, "not_accepted", NAMES, minimum=100)
            state = found.state
            if found.winner is not None:
                return f"winner {found.winner}"
    return state


@pytest.mark.parametrize(
    ("shares", "rate"),
    [((0.5, 0.5), 0.05), ((0.2, 0.8), 0.02), ((1 / 3, 1 / 3, 1 / 3), 0.1)],
    ids=["equal shares", "unequal shares", "three arms"],
)
def test_equal_arms_watched_all_the_time_get_a_winner_in_at_most_five_per_cent_of_experiments(
    shares: tuple[float, ...], rate: float
) -> None:
    chance = random.Random(20260805)
    runs = 200
    false = sum(experiment(chance, shares, (rate,) * len(shares), 1500).startswith("winner") for _ in range(runs))
    assert wilson(false, runs, 0.99).low <= 0.05
    assert false / runs <= 0.05


def test_the_usual_test_looked_at_as_often_would_be_wrong_far_more_often() -> None:
    """Why the usual test is not used: the same looks, without the correction."""
    chance, wrong, runs = random.Random(7), 0, 200
    for _ in range(runs):
        total, events = [0, 0], [0, 0]
        for number in range(1, 1501):
            arm = chance.random() < 0.5
            total[arm] += 1
            events[arm] += chance.random() < 0.05
            if number >= 200 and number % 50 == 0 and sum(events):
                pooled = sum(events) / sum(total)
                spread = sqrt(pooled * (1 - pooled) * (1 / total[0] + 1 / total[1]))
                if abs(events[0] / total[0] - events[1] / total[1]) > 1.96 * spread:
                    wrong += 1
                    break
    assert wrong / runs > 0.12


def test_a_real_difference_is_found_and_the_right_arm_wins() -> None:
    chance = random.Random(42)
    outcomes = [experiment(chance, (0.5, 0.5), (0.02, 0.06), 4000) for _ in range(40)]
    assert outcomes.count("winner 1") >= 36
    assert "winner 2" not in outcomes


def test_it_says_no_winner_yet_too_few_and_shares_that_were_not_kept() -> None:
    def counts(one: tuple[int, int], other: tuple[int, int]) -> list[ArmCounts]:
        return [
            ArmCounts(Arm(number, 50), {"accepted": total - events, "hard_bounce": events})
            for number, (events, total) in ((1, one), (2, other))
        ]

    for arms, state, words in (
        (counts((0, 0), (0, 0)), "empty", "Nothing has been counted"),
        (counts((0, 80), (9, 80)), "too_few", "No winner yet: the smallest arm has 80 of the 500"),
        (counts((10, 1000), (12, 1010)), "open", "No winner yet"),
        (counts((10, 3000), (90, 1000)), "mismatch", "did not get the shares"),
        (counts((10, 1000), (90, 1010)), "winner", "AWS SES is better"),
    ):
        found = judge(arms, "not_accepted", NAMES, minimum=500)
        assert (found.state, words in found.sentence) == (state, True), found
    assert differs([10, 90], [1, 1], 0.05)
    assert not differs([10, 12], [1, 1], 0.05)
