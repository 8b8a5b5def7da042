"""What an experiment shows so far, in plain words: a winner only when the evidence allows one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from senddock.domain.experiment import Arm
from senddock.domain.proportions import Interval, newcombe, wilson
from senddock.domain.sequential_test import differs

#: What may decide an experiment: name to the outcomes that are events, all of them bad.
METRICS: Mapping[str, frozenset[str]] = {
    "not_accepted": frozenset({"soft_bounce", "hard_bounce", "other"}),
    "hard_bounce": frozenset({"hard_bounce", "bounced"}),
    "soft_bounce": frozenset({"soft_bounce"}),
    "complaint": frozenset({"complained"}),
}
#: Outcomes that are kept apart; ``bounced`` and ``complained`` arrive after acceptance, as evidence.
OUTCOMES = ("accepted", "soft_bounce", "hard_bounce", "other", "bounced", "complained")
#: Chance of naming "shares are not kept" wrongly.
_MISMATCH_RISK = 0.001


def outcome_of(verdict_class: str) -> str:
    """The outcome an attempt's class stands for."""
    if verdict_class in ("accepted", "bounced", "complained"):
        return verdict_class
    if verdict_class in ("recipient_transient", "greylisted"):
        return "soft_bounce"
    if verdict_class in ("recipient_permanent", "content_rejected", "message_too_large"):
        return "hard_bounce"
    return "other"


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """One arm: recipients by outcome of their first attempt, and what arrived afterwards."""

    arm: Arm
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def recipients(self) -> int:
        """How many were counted; evidence after acceptance does not count again."""
        return sum(number for name, number in self.outcomes.items() if name not in ("bounced", "complained"))

    def events(self, metric: str) -> int:
        """Recipients with an event of this metric."""
        return min(self.recipients, sum(self.outcomes.get(name, 0) for name in METRICS[metric]))

    def rate(self, metric: str) -> Interval | None:
        """Share of recipients with an event; ``None`` without recipients."""
        return wilson(self.events(metric), self.recipients) if self.recipients else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two arms: how the first one's rate differs from the second's, and whether the test has decided."""

    one: int
    other: int
    difference: Interval
    decided: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """``state`` is ``winner``, ``open``, ``too_few``, ``mismatch`` or ``empty``; ``sentence`` says it to a person."""

    state: str
    sentence: str
    winner: int | None = None
    comparisons: Sequence[Comparison] = ()


def judge(
    arms: Sequence[ArmCounts], metric: str, names: Mapping[int, str], *, minimum: int, risk: float = 0.05
) -> Judgement:
    """The state of the experiment. The chance that it *ever* names a winner among equal arms is at most ``risk``."""
    if not any(arm.recipients for arm in arms):
        return Judgement("empty", "Nothing has been counted yet.")
    pairs = list(combinations(arms, 2))
    comparisons = [_compare(one, other, metric, risk / len(pairs)) for one, other in pairs if _both(one, other)]
    if differs([arm.recipients for arm in arms], [arm.arm.share for arm in arms], _MISMATCH_RISK):
        return Judgement(
            "mismatch",
            "The arms did not get the shares they were given, so they cannot be compared: look for what kept recipients "
            "away from one of them.",
            None,
            comparisons,
        )
    short = min(arm.recipients for arm in arms)
    if short < minimum:
        return Judgement(
            "too_few",
            f"No winner yet: the smallest arm has {short} of the {minimum} recipients it needs.",
            None,
            comparisons,
        )
    for arm in arms:
        ours = [item for item in comparisons if arm.arm.provider_id in (item.one, item.other)]
        if ours and all(item.decided and _better(item, arm.arm.provider_id) for item in ours):
            name = names.get(arm.arm.provider_id, "?")
            return Judgement(
                "winner",
                f"{name} is better. If the arms were equal, the chance of ever reading this would be at most "
                f"{100 * risk:g} %.",
                arm.arm.provider_id,
                comparisons,
            )
    return Judgement(
        "open", "No winner yet: the difference so far is what chance produces among equal arms.", None, comparisons
    )


def _both(one: ArmCounts, other: ArmCounts) -> bool:
    return bool(one.recipients and other.recipients)


def _compare(one: ArmCounts, other: ArmCounts, metric: str, risk: float) -> Comparison:
    mine, theirs = one.events(metric), other.events(metric)
    return Comparison(
        one.arm.provider_id,
        other.arm.provider_id,
        newcombe(mine, one.recipients, theirs, other.recipients),
        differs([mine, theirs], [one.arm.share, other.arm.share], risk),
    )


def _better(item: Comparison, provider_id: int) -> bool:
    return item.difference.estimate < 0 if item.one == provider_id else item.difference.estimate > 0
