"""Between the queue and the lanes: where a message goes next, and what its outcome changes.

The decisions are made in `senddock.domain`; here they are asked for with what is known just now, and turned into rows.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from senddock.dispatch.health import Health
from senddock.dispatch.pace import Pace
from senddock.dispatch.recorder import Recorder, Settlement
from senddock.dispatch.roster import Roster, Snapshot, StreamView
from senddock.dispatch.statistics import Tally
from senddock.dispatch.task import Pending, Task
from senddock.domain.breaker import THRESHOLD, Breaker, Phase, failed, held, paused, spent, succeeded
from senddock.domain.outcome import Move, step_after
from senddock.domain.reply import Reply
from senddock.domain.retry import next_try
from senddock.domain.routing import Candidate, LeftOut, NoRoute, Use, Wait, plan
from senddock.domain.status import Status
from senddock.domain.verdict import Opens, Verdict, VerdictClass, judge
from senddock.models import Provider

log = logging.getLogger(__name__)

#: Seconds after which a message that no provider may carry is looked at again.
_UNROUTABLE = 30.0
#: Seconds for which the candidates of a stream are reused.
_FRESH = 0.1
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
        self._candidates: dict[int, tuple[float, list[Candidate]]] = {}
        #: Provider and kind of stream to (monotonic time, wall time, why) until which a limit has nothing left.
        self._limited: dict[tuple[int, int], tuple[float, datetime, str]] = {}

    def place(self, task: Task) -> Provider | None:
        """Open the next transaction of ``task`` and name its provider, or settle it and answer ``None``."""
        now = self._now()
        if now >= task.expires_at():
            for item in task.pending:
                if item.decided is None:
                    item.decided, item.why = Status.EXPIRED, "It was not accepted within its time."
        while group := task.undecided():
            provider, left_out = self._choose(task, group, now)
            if provider is not None:
                task.open_transaction(provider, group, left_out)
                return provider
        self._let_go(task, now)
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
        self._record(task, transaction, main, stage_reply, replies, verdicts, tls, detail, following, now)
        if following is None:
            self._let_go(task, now)
        return following

    def place_next(self, task: Task, now: datetime) -> Provider | None:
        """The next provider within the same round, or ``None`` when every recipient is decided."""
        while group := task.undecided():
            provider, left_out = self._choose(task, group, now)
            if provider is not None:
                task.open_transaction(provider, group, left_out)
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
        self._let_go(task, now)

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

    def _choose(
        self, task: Task, group: Sequence[Pending], now: datetime
    ) -> tuple[Provider | None, tuple[LeftOut, ...]]:
        """A provider for ``group``, or the recipients of ``group`` decided for now."""
        snapshot = self._roster.snapshot()
        with self._lock:
            while True:
                credit = self._credit.setdefault(task.stream.id, {})
                candidates = self._candidates_for(task.stream, snapshot)
                decision = plan(candidates, task.need(group), now=now, credit=credit)
                if not isinstance(decision, Use):
                    self._hold(task, group, decision, now)
                    return None, decision.left_out
                provider = snapshot.providers[decision.provider_id]
                if self._granted(provider, task.stream, now):
                    return provider, decision.left_out

    def _granted(self, provider: Provider, stream: StreamView, now: datetime) -> bool:
        refused = self._pace.take(provider, transactional=stream.rank == 0, now=now)
        if refused is not None:
            seconds, name = refused
            why = f"limit per {name} is used up"
            until = now + timedelta(seconds=seconds)
            self._limited[provider.id, stream.rank] = (time.monotonic() + seconds, until, why)
            self._candidates.clear()
            return False
        breaker = self._health.get((provider.id, ""))
        if breaker.phase in (Phase.TRIAL, Phase.RAMP):
            before, _after = self._health.change((provider.id, ""), spent, now)
            self._candidates.clear()
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
        self._candidates.clear()

    def _candidates_for(self, stream: StreamView, snapshot: Snapshot) -> list[Candidate]:
        clock = time.monotonic()
        known = self._candidates.get(stream.id)
        if known is not None and clock - known[0] < _FRESH:
            return known[1]
        breakers = self._health.all()
        made = [
            self._candidate(snapshot.providers[provider_id], priority, weight, stream, breakers, clock)
            for provider_id, (priority, weight) in stream.routes.items()
            if provider_id in snapshot.providers
        ]
        made.sort(key=lambda candidate: (candidate.priority, candidate.provider_id))
        self._candidates[stream.id] = (clock, made)
        return made

    def _candidate(
        self,
        provider: Provider,
        priority: int,
        weight: int,
        stream: StreamView,
        breakers: Mapping[tuple[int, str], Breaker],
        clock: float,
    ) -> Candidate:
        now = self._now()
        breaker = breakers.get((provider.id, ""))
        closed_until, closed_why = None, None
        if breaker is not None and not breaker.lets_through(now):
            closed_until, closed_why = _until(breaker, now), _why(breaker)
        limited = self._limited.get((provider.id, stream.rank))
        if limited is not None and limited[0] <= clock:
            del self._limited[provider.id, stream.rank]
            limited = None
        refused = {
            domain: (state.until, f"does not send for {domain}: {state.text}")
            for (provider_id, domain), state in breakers.items()
            if provider_id == provider.id and domain and not (state.until and state.until <= now)
        }
        own = {provider.from_email.rpartition("@")[2].lower(), *(domain.lower() for domain in provider.extra_domains)}
        return Candidate(
            provider_id=provider.id,
            name=provider.name,
            priority=priority,
            weight=weight,
            enabled=provider.enabled,
            from_policy=provider.from_policy,
            from_domains=frozenset(own),
            max_message_bytes=provider.max_message_bytes,
            closed_until=closed_until,
            closed_why=closed_why,
            limited_until=limited[1] if limited else None,
            limited_why=limited[2] if limited else None,
            refused_domains=refused,
        )

    def _record(
        self,
        task: Task,
        transaction: Any,
        verdict: Verdict,
        reply: Reply,
        replies: Sequence[Reply],
        verdicts: Mapping[Reply, Verdict],
        tls: str | None,
        detail: dict[str, Any],
        following: Provider | None,
        now: datetime,
    ) -> None:
        duration = (time.monotonic() - transaction.clock) * 1000
        handed_over = following is not None and following.id != transaction.provider.id
        task.failed_over = task.failed_over or handed_over
        if len(replies) > 1:
            detail["recipients"] = [
                {"recipient": item.recipient, "class": verdicts[answer].cls.value, "reply": answer.line()}
                for item, answer in zip(transaction.recipients, replies, strict=True)
            ]
        attempt = attempt_row(task, transaction, transaction.dot_at)
        if following is not None:
            # `open_transaction` of the next attempt has moved the counter on.
            attempt["number"] = task.number - 1
        attempt.update(
            finished_at=now,
            duration_ms=round(duration, 1),
            stage=reply.stage.value,
            verdict_class=verdict.cls.value,
            code=reply.code,
            enhanced=reply.enhanced,
            text=reply.text[:2000],
            rule=verdict.rule,
            fail_over=handed_over,
            tls=tls,
            detail=detail,
        )
        tally = Tally(
            hour=now.replace(minute=0, second=0, microsecond=0),
            stream_id=task.stream.id,
            provider_id=transaction.provider.id,
            recipients=[
                (item.recipient.rpartition("@")[2], verdicts[answer].cls.value)
                for item, answer in zip(transaction.recipients, replies, strict=True)
            ],
            duration_ms=duration,
            failed_over=handed_over,
        )
        self._recorder.settle(
            Settlement(task.id, task.claimed.row.fence, attempt=attempt, marked=transaction.marked, tally=tally)
        )

    def _let_go(self, task: Task, now: datetime) -> None:
        """Write what was decided for each recipient and hand the message back to the queue, or end it."""
        state = task.state()
        waiting = [item for item in task.pending if item.decided in (Status.DEFERRED, Status.QUEUED)]
        due = min((item.at for item in waiting if item.at is not None), default=None)
        if waiting and due is None:
            due = now
        if due is not None:
            # It must not stay in the queue beyond its age: then it is claimed once more, to expire.
            due = min(due, task.expires_at()) if due > now else due
        last = task.last
        counted = any(item.counts and item.last is not None for item in task.pending)
        task.rounds += 1 if counted else 0
        why = next((item.why for item in waiting if item.why), None)
        self._recorder.settle(
            Settlement(
                task.id,
                task.claimed.row.fence,
                deliveries=[_delivery_change(item, now) for item in task.pending],
                message={
                    "v_state": state.value,
                    "v_due_at": due,
                    "v_attempts": task.number,
                    "v_rounds": task.rounds,
                    "v_provider_id": task.provider_id,
                    "v_failed_over": task.failed_over,
                    "v_last_class": last[0].cls.value if last else None,
                    "v_last_code": last[1].code if last else None,
                    "v_reason": why if waiting else None,
                    "v_finished_at": None if waiting else now,
                },
            )
        )


def attempt_row(task: Task, transaction: Any, dot_at: datetime | None) -> dict[str, Any]:
    """The attempt's row as it is before its outcome is known."""
    return {
        "message_id": task.id,
        "number": task.number,
        "provider_id": transaction.provider.id,
        "provider_name": transaction.provider.name,
        "started_at": transaction.started_at,
        "dot_at": dot_at,
        "finished_at": None,
        "duration_ms": None,
        "recipients": len(transaction.recipients),
        "stage": None,
        "verdict_class": None,
        "code": None,
        "enhanced": None,
        "text": None,
        "rule": None,
        "fail_over": False,
        "tls": None,
        "plan": {
            "chosen": transaction.provider.name,
            "left_out": [
                {"provider": item.name, "why": item.why, **({"until": item.until.isoformat()} if item.until else {})}
                for item in transaction.left_out
            ],
        },
        "detail": {},
    }


def _delivery_change(item: Pending, now: datetime) -> dict[str, Any]:
    waits = item.decided in (Status.DEFERRED, Status.QUEUED)
    verdict, reply = item.last or (None, None)
    text = reply.text[:2000] if reply else item.why
    if item.decided is Status.EXPIRED:
        text = item.why if reply is None else f"{item.why} Last answer: {reply.line()}"[:2000]
    return {
        "b_id": item.delivery_id,
        "v_status": (item.decided or Status.QUEUED).value,
        "v_next_attempt_at": item.at if waits else None,
        "v_tries": item.tries + (1 if item.counts and item.last is not None else 0),
        "v_sticky_provider_id": item.sticky if waits else None,
        "v_verdict_class": verdict.cls.value if verdict else None,
        "v_code": reply.code if reply else None,
        "v_enhanced": reply.enhanced if reply else None,
        "v_text": text,
        "v_finished_at": None if waits else now,
    }


def _until(breaker: Breaker, now: datetime) -> datetime | None:
    if breaker.phase is Phase.PAUSED:
        return None
    # While it is being probed, or its trial message is under way, the answer is seconds away.
    soon = now + timedelta(seconds=2)
    return max(breaker.until, soon) if breaker.until is not None else soon


def _why(breaker: Breaker) -> str:
    reason = f"{breaker.verdict_class}: {breaker.text}" if breaker.text else breaker.verdict_class
    if breaker.phase is Phase.PAUSED:
        return f"paused until a person acts ({reason})"
    return f"failing ({reason})"
