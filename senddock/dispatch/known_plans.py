"""Plans that have been made for messages of the same kind a moment ago: most of a stream differ in nothing that decides."""

from collections.abc import Sequence
from datetime import datetime

from senddock.dispatch.task import Pending, Task
from senddock.domain.routing import Candidate, Plan, Use, plan


class KnownPlans:
    """By stream and From domain, for as long as the candidates are the very same; used under the planner's lock.

    Not kept: what depends on the size, on the moment, on what was tried before, or on whose turn it is in a shared load.
    """

    def __init__(self) -> None:
        self._made: dict[int, tuple[Sequence[Candidate], dict[str | None, Use]]] = {}

    def plan(
        self,
        candidates: Sequence[Candidate],
        task: Task,
        group: Sequence[Pending],
        *,
        now: datetime,
        credit: dict[int, float],
    ) -> tuple[Plan, dict[int, float]]:
        """The plan for ``group``, and what it did to the shares in ``credit``."""
        domain, ordinary = task.claimed.row.from_domain, _ordinary(group[0])
        known = self._made.get(task.stream.id)
        if known is None or known[0] is not candidates:
            known = self._made[task.stream.id] = (candidates, {})
        if ordinary and domain in known[1]:
            return known[1][domain], {}
        before = dict(credit)
        decision = plan(candidates, task.need(group), now=now, credit=credit)
        if ordinary and isinstance(decision, Use) and credit == before and not any(map(_depends, candidates)):
            known[1][domain] = decision
        return decision, {key: value - before.get(key, 0.0) for key, value in credit.items()}


def _ordinary(first: Pending) -> bool:
    """Nothing is known of these recipients yet that binds or bars a provider."""
    return not first.tried and first.only is None and first.larger_than is None and first.trial is None


def _depends(candidate: Candidate) -> bool:
    """Whether it may be used depends on the message's size or on the moment."""
    return candidate.max_message_bytes is not None or candidate.limited_why is not None
