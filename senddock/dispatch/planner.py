"""Between the queue and the lanes: where a message goes next, and what its outcome changes.

The decisions are made in `senddock.domain`; here they are asked for with what is known just now, and turned into rows.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from senddock.dispatch.candidates import Candidates
from senddock.dispatch.health import Health
from senddock.dispatch.pace import Pace
from senddock.dispatch.recorder import Recorder
from senddock.dispatch.roster import Roster, StreamView
from senddock.dispatch.settling import attempt_settlement, final_settlement
from senddock.dispatch.task import Pending, Task
from senddock.domain.breaker import THRESHOLD, Breaker, Phase, failed, held, paused, spent, succeeded
from senddock.domain.outcome import Move, step_after
from senddock.domain.reply import Reply
from senddock.domain.retry import next_try
from senddock.domain.routing import NoRoute, Use, Wait, plan
from senddock.domain.status import Status
from senddock.domain.verdict import Opens, Verdict, VerdictClass, judge
from senddock.models import Provider

log = logging.getLogger(__name__)

#: Seconds after which a message that no provider may carry is looked at again.
_UNROUTABLE = 30.0
#: Seconds a (provider, From domain) pair is left alone after the provider refused the domain.
_DOMAIN_HELD = 900.0


class Planner:
    """Gives each message its next provider and each outcome its consequences; shared by all lanes of a worker."""

    def __init__(
        self, roster: Roster, health: Health, pace: Pace, recorder: Recorder, now: Callable[[], datetime]
    ) -> None:
        self._roster = roster
        self._health = health
        self._pace = pace
        self._recorder = recorder
        self._now = now
        self._lock = threading.Lock()
        self._credit: dict[int, dict[int, float]] = {}
        self._candidates = Candidates(health, now)

    def place(self, task: Task) -> Provider | None:
        """Open the next transaction of ``task`` and name its provider, or settle it and answer ``None``."""
        now = self._now()
        if now >= task.expires_at():
            for item in task.pending:
                if item.decided is None:
                    item.decided, item.why = Status.EXPIRED, "It was not accepted within its time."
        while group := task.undecided():
            provider, decision = self._choose(task, group, now)
            if provider is not None and decision is not None:
                task.open_transaction(provider, group, decision)
                return provider
        self._recorder.settle(final_settlement(task, now))
        return None

    def answered(
        self, task: Task, replies: Sequence[Reply], *, stage_reply: Reply, tls: str | None, detail: dict[str, Any]
    ) -> Provider | None:
        """Take the outcome of the open transaction: one reply a recipient. Names the next provider, or ``None``."""
        transaction = task.transaction
        assert transaction is not None
        now = self._now()
        provider = transaction.provider
        verdicts: dict[Reply, Verdict] = {}
        for item, reply in zip(transaction.recipients, replies, strict=True):
            verdict = verdicts.get(reply)
            if verdict is None:
                verdict = verdicts[reply] = judge(reply, provider=provider.preset, now=now)
            self._apply(task, item, verdict, reply, provider, now)
        main = verdicts.get(stage_reply) or judge(stage_reply, provider=provider.preset, now=now)
        task.last = (main, stage_reply)
        self._tell_health(provider, task, main, stage_reply, detail, now)
        task.transaction = None
        following = self.place_next(task, now)
        self._recorder.settle(
            attempt_settlement(task, transaction, main, stage_reply, replies, verdicts, tls, detail, following, now)
        )
        return following

    def place_next(self, task: Task, now: datetime) -> Provider | None:
        """The next provider within the same round, or ``None`` when every recipient is decided."""
        while group := task.undecided():
            provider, decision = self._choose(task, group, now)
            if provider is not None and decision is not None:
                task.open_transaction(provider, group, decision)
                return provider
        return None

    def give_back(self, task: Task) -> None:
        """Return a message that was not tried (the worker stops, or lost its database)."""
        now = self._now()
        for item in task.pending:
            if item.decided is None:
                item.decided, item.at, item.counts = Status.QUEUED, now, False
                item.sticky = item.only
        self.unplace(task)
        self._recorder.settle(final_settlement(task, now))

    def unplace(self, task: Task) -> None:
        """Take back a transaction that was planned and not begun: its attempt never happened."""
        if task.transaction is not None:
            task.number -= 1
            task.transaction = None

    def is_open(self, provider: Provider) -> bool:
        """True while the provider's breaker lets messages through."""
        breaker = self._health.get((provider.id, ""))
        return breaker.phase is Phase.CLOSED or breaker.lets_through(self._now())

    def streams(self) -> list[StreamView]:
        """All streams, transactional first."""
        return sorted(self._roster.snapshot().streams.values(), key=lambda stream: (stream.rank, stream.id))

    def _choose(self, task: Task, group: Sequence[Pending], now: datetime) -> tuple[Provider | None, Use | None]:
        """A provider for ``group`` and why, or the recipients of ``group`` decided for now."""
        snapshot = self._roster.snapshot()
        with self._lock:
            credit = self._credit.setdefault(task.stream.id, {})
            while True:
                candidates = self._candidates.of(task.stream, snapshot)
                before = dict(credit)
                decision = plan(candidates, task.need(group), now=now, credit=credit)
                if not isinstance(decision, Use):
                    self._hold(task, group, decision, now)
                    return None, None
                if decision.on_trial:
                    for item in group:
                        # Counted for its arm whoever carries it: a limit met just now must not choose who is counted.
                        item.exposed = item.tries == 0 and not item.tried
                provider = snapshot.providers[decision.provider_id]
                if self._granted(provider, task.stream, now):
                    return provider, decision
                # A turn that a limit did not let it take costs a provider nothing of its share.
                credit.clear()
                credit.update(before)

    def _granted(self, provider: Provider, stream: StreamView, now: datetime) -> bool:
        refused = self._pace.take(provider, transactional=stream.rank == 0, now=now)
        if refused is not None:
            seconds, name = refused
            self._candidates.limit(provider, stream, seconds, f"limit per {name} is used up")
            return False
        breaker = self._health.get((provider.id, ""))
        if breaker.phase in (Phase.TRIAL, Phase.RAMP):
            before, _after = self._health.change((provider.id, ""), spent, now)
            self._candidates.renew()
            return before.lets_through(now)
        return True

    def _hold(self, task: Task, group: Sequence[Pending], decision: Wait | NoRoute, now: datetime) -> None:
        """No provider now: the recipients wait, or end as their last verdict said they would."""
        for item in group:
            fallback = item.decided or (Status.DEFERRED if item.last is None else None)
            if item.last is not None:
                # The round is over: every eligible provider has been tried once.
                step = step_after(item.last[0], task.circumstance(item, now))
                item.decided, item.at = step.status, step.at
                item.counts = step.counts
                item.why = item.last[0].title if step.status is Status.DEFERRED else None
                if item.decided is Status.DEFERRED and item.at is None:
                    item.at = self._backoff(task, item, now)
            else:
                item.decided, item.counts = fallback, False
                item.at = decision.until if isinstance(decision, Wait) else now + timedelta(seconds=_UNROUTABLE)
                item.why = decision.why
                item.sticky = item.only if item.only != task.claimed.row.pinned_provider_id else None

    def _apply(
        self, task: Task, item: Pending, verdict: Verdict, reply: Reply, provider: Provider, now: datetime
    ) -> None:
        step = step_after(verdict, task.circumstance(item, now))
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

    def _backoff(self, task: Task, item: Pending, now: datetime) -> datetime:
        circumstance = task.circumstance(item, now)
        return next_try(
            task.stream.schedule,
            verdict=None,
            tries=circumstance.tries,
            wait=None,
            now=now,
            chance=circumstance.chance,
        )

    def _tell_health(
        self, provider: Provider, task: Task, verdict: Verdict, reply: Reply, detail: Mapping[str, Any], now: datetime
    ) -> None:
        scope = (provider.id, "")
        if verdict.cls is VerdictClass.ACCEPTED and scope not in self._health.all():
            return
        text = reply.line()
        cls = verdict.cls.value
        if verdict.pause or verdict.opens is Opens.PAUSE:
            self._health.change(scope, lambda known: paused(known, verdict_class=cls, text=text, now=now), now)
        elif verdict.cls is VerdictClass.QUOTA_EXCEEDED:
            until = now + timedelta(seconds=verdict.wait_seconds or 3600)
            self._health.change(
                scope, lambda known: held(known, until=until, verdict_class=cls, text=text, now=now), now
            )
        elif verdict.opens is Opens.SENDER_DOMAIN and task.claimed.row.from_domain:
            until = now + timedelta(seconds=_DOMAIN_HELD)
            self._health.change(
                (provider.id, task.claimed.row.from_domain),
                lambda known: held(known, until=until, verdict_class=cls, text=text, now=now),
                now,
            )
        elif verdict.opens in (Opens.FAILURE, Opens.HALF, Opens.OPEN_AT_SECOND):
            weight = {Opens.FAILURE: 1.0, Opens.HALF: 0.5, Opens.OPEN_AT_SECOND: THRESHOLD / 2}[verdict.opens]
            if reply.code is None and detail.get("timed_out"):
                # Each further try would cost the same wait.
                weight = THRESHOLD
            self._health.change(
                scope, lambda known: failed(known, weight=weight, verdict_class=cls, text=text, now=now), now
            )
        elif self._health.get(scope) != Breaker():
            self._health.change(scope, lambda known: succeeded(known, now), now)
        else:
            return
        self._candidates.renew()
