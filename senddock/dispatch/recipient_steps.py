"""What comes next for a recipient: after a provider's reply, and when no provider can take the message now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from senddock.dispatch.task import Pending, Task
from senddock.domain.outcome import ACCEPTED, Move, step_after
from senddock.domain.reply import Reply
from senddock.domain.retry import next_try
from senddock.domain.routing import NoRoute, Wait
from senddock.domain.status import Status
from senddock.domain.verdict import Verdict, VerdictClass
from senddock.models import Provider

#: Seconds after which a message that no provider may carry is looked at again.
_UNROUTABLE = 30.0


def hold(task: Task, group: Sequence[Pending], decision: Wait | NoRoute, now: datetime) -> None:
    """No provider now: the recipients wait, or end as their last verdict said they would."""
    for item in group:
        fallback = item.decided or (Status.DEFERRED if item.last is None else None)
        if item.last is not None:
            # The round is over: every eligible provider has been tried once.
            # The one extra provider that its verdict allowed was not there.
            step = step_after(item.last[0], replace(task.circumstance(item, now), used_second_chance=False))
            item.decided, item.at = step.status, step.at
            item.counts = step.counts
            item.why = item.last[0].title if step.status is Status.DEFERRED else None
            if item.decided is Status.DEFERRED and item.at is None:
                item.at = _backoff(task, item, now)
        else:
            item.decided, item.counts = fallback, False
            item.at = decision.until if isinstance(decision, Wait) else now + timedelta(seconds=_UNROUTABLE)
            item.why = decision.why
            item.sticky = item.only if item.only != task.claimed.row.pinned_provider_id else None


def take_step(task: Task, item: Pending, verdict: Verdict, reply: Reply, provider: Provider, now: datetime) -> None:
    """What the verdict on ``reply`` means for this recipient: another provider now, a later try, or its end."""
    accepted = verdict.cls is VerdictClass.ACCEPTED
    step = ACCEPTED if accepted else step_after(verdict, task.circumstance(item, now))
    item.last = (verdict, reply)
    item.tried = item.tried | {provider.id}
    if step.move is Move.NEXT_PROVIDER and item.only is None:
        item.counts = step.counts
        if verdict.cls in (VerdictClass.UNKNOWN, VerdictClass.CONTENT_REJECTED):
            item.used_second_chance = True
        if verdict.cls is VerdictClass.MESSAGE_TOO_LARGE:
            item.larger_than = max(provider.max_message_bytes or 0, task.claimed.row.size - 1)
        return
    item.decided, item.at, item.counts = step.status, step.at, step.counts
    item.sticky = provider.id if step.sticky else None
    if step.status is Status.DEFERRED:
        item.why = verdict.title


def _backoff(task: Task, item: Pending, now: datetime) -> datetime:
    circumstance = task.circumstance(item, now)
    return next_try(
        task.stream.schedule,
        verdict=None,
        tries=circumstance.tries,
        wait=None,
        now=now,
        chance=circumstance.chance,
    )
