"""Where a provider's limits come from: a plan of the catalogue, or a figure of the operator's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from senddock.domain.catalogue import Entry, Plan


@dataclass(frozen=True, slots=True)
class LimitSource:
    """One limit as it is set. ``plan`` is the catalogue's plan with this figure, ``None`` when it is the operator's."""

    #: Without ``per_``: ``day``.
    window: str
    amount: int
    plan: Plan | None


def limit_sources(entry: Entry | None, limits: Mapping[str, int | None]) -> list[LimitSource]:
    """Of ``limits`` by column, those that are set, each with the plan that it fits.

    The plan that fits most of them comes first, so that a figure two plans share is not told to be the other one's.
    """
    given = {name: amount for name, amount in limits.items() if amount is not None}
    plans = sorted(
        entry.plans if entry else (), key=lambda plan: -len(plan.limits().items() & given.items())
    )  # the order of the catalogue among equals
    return [
        LimitSource(name.removeprefix("per_"), amount, next((p for p in plans if p.limits().get(name) == amount), None))
        for name, amount in given.items()
    ]
