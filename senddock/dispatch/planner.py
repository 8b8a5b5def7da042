"""Between the queue and the lanes: where a message goes next, and what its outcome changes.

The decisions are made in `senddock.domain`; here they are asked for with what is known just now, and turned into rows.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any

from senddock.dispatch.candidates import Candidates
from senddock.dispatch.health import Health
from senddock.dispatch.known_plans import KnownPlans
from senddock.dispatch.pace import Exhausted, Pace
from senddock.dispatch.recipient_steps import hold, take_step
from senddock.dispatch.recorder import Recorder
from senddock.dispatch.room import room_for
from senddock.dispatch.roster import Roster, StreamView
from senddock.dispatch.settling import attempt_settlement, final_settlement
from senddock.dispatch.standing import Standing
from senddock.dispatch.task import Pending, Task, Transaction
from senddock.domain.reply import Reply, Stage
from senddock.domain.routing import Use
from senddock.domain.status import Status
from senddock.domain.verdict import Verdict, judge
from senddock.models import Provider

log = logging.getLogger(__name__)

#: An attempt that ended here has cost nothing of a limit.
_NOT_BEGUN = frozenset({Stage.DNS, Stage.CONNECT, Stage.TLS, Stage.GREETING, Stage.EHLO, Stage.AUTH})


class Admission(Enum):
    """What a lane may do with the task it has taken."""

    GRANTED = "granted"
    #: It has to be planned anew: a limit, the breaker or its age is against this provider.
    ELSEWHERE = "elsewhere"
    #: The provider takes no more connections: whoever has one carries on.
    CROWDED = "crowded"


class Planner:
    """Gives each message its next provider and each outcome its consequences; shared by all lanes of a worker."""

    def __init__(
        self, roster: Roster, health: Health, pace: Pace, recorder: Recorder, now: Callable[[], datetime]
    ) -> None:
        self._roster = roster
        self._health = health
        self._recorder = recorder
        self._now = now
        self._lock = threading.Lock()
        self._credit: dict[int, dict[int, float]] = {}
        self._candidates = Candidates(now)
        self._plans = KnownPlans()
        self._standing = Standing(health, pace)
        self.pace = pace
        #: When mail that is only held back by a limit may go on.
        self.resumes_at: datetime | None = None

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
        rules = self._roster.rules()
        main = judge(stage_reply, provider=provider.preset, now=now, rules=rules)
        last, verdict = stage_reply, main
        verdicts: list[Verdict] = []
        for item, reply in zip(transaction.recipients, replies, strict=True):
            if reply is not last and reply != last:
                verdict = judge(reply, provider=provider.preset, now=now, rules=rules)
            last = reply
            verdicts.append(verdict)
            take_step(task, item, verdict, reply, provider, now)
        task.last = (main, stage_reply)
        if self._standing.tell(provider, task.claimed.row.from_domain, main, stage_reply, detail, now):
            self._renew()
        if stage_reply.stage in _NOT_BEGUN:
            self._give_back(transaction)
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

    def leave(self, task: Task) -> None:
        """Let go of ``task`` after a defect: recovery decides."""
        self._recorder.leave(task.id, task.claimed.row.fence)

    def unplace(self, task: Task) -> None:
        """Take back a transaction that was planned and not begun: its attempt never happened."""
        if task.transaction is not None:
            self._give_back(task.transaction)
            # A turn that a limit did not let it take costs a provider nothing of its share.
            with self._lock:
                credit = self._credit.setdefault(task.stream.id, {})
                for provider_id, change in task.turn.items():
                    credit[provider_id] = credit.get(provider_id, 0.0) - change
                task.turn = {}
            task.number -= 1
            task.transaction = None

    def is_open(self, provider: Provider) -> bool:
        """True while the provider's breaker lets messages through."""
        return self._standing.is_open(provider, self._now)

    def streams(self) -> list[StreamView]:
        """All streams, transactional first."""
        return sorted(self._roster.snapshot().streams.values(), key=lambda stream: (stream.rank, stream.id))

    def _choose(self, task: Task, group: Sequence[Pending], now: datetime) -> tuple[Provider | None, Use | None]:
        """A provider for ``group`` and why, or the recipients of ``group`` decided for now."""
        snapshot, breakers = self._roster.snapshot(), self._health.all()
        # Whoever holds the lock only thinks: what has to be asked of Redis or the database was asked before.
        with self._lock:
            credit = self._credit.setdefault(task.stream.id, {})
            candidates = self._candidates.of(task.stream, snapshot, breakers)
            decision, task.turn = self._plans.plan(candidates, task, group, now=now, credit=credit)
        if isinstance(decision, Use):
            for item in group if decision.on_trial else ():
                # Counted for its arm whoever carries it: a limit met just now must not choose who is counted.
                item.exposed = item.tries == 0 and not item.tried
            return snapshot.providers[decision.provider_id], decision
        task.waits = decision
        hold(task, group, decision, now)
        return None, None

    def admit(self, task: Task, *, opening: bool = False) -> Admission:
        """Asked by a lane just before it begins the open transaction of ``task``: the limits are taken from here.

        ``opening`` says that a connection has to be opened for it. What is granted is given back by `unplace`, and by
        `answered` when nothing came to be sent.
        """
        transaction = task.transaction
        assert transaction is not None
        now, provider = self._now(), transaction.provider
        granted = transaction.grant
        if granted is not None and (not opening or granted.lease is not None or not provider.max_connections):
            return Admission.GRANTED
        if granted is None and (now >= task.expires_at() or self._candidates.limited(provider, task.stream)):
            return Admission.ELSEWHERE
        taken = self.pace.take(
            provider,
            transactional=task.stream.rank == 0,
            now=now,
            connection=opening,
            messages=1 if granted is None else 0,
        )
        if isinstance(taken, Exhausted):
            if taken.limit == "connections":
                return Admission.CROWDED
            self.limit(task, taken)
            return Admission.ELSEWHERE
        if granted is not None:
            transaction.grant = replace(granted, lease=taken.lease)
            return Admission.GRANTED
        if not self._standing.let_through(provider, task.claimed.row.from_domain, now):
            self._renew()
            self.pace.give_back(taken)
            return Admission.ELSEWHERE
        transaction.grant = taken
        return Admission.GRANTED

    def limit(self, task: Task, refused: Exhausted) -> None:
        """Nothing more for the stream's kind through this provider until the limit has something left again."""
        assert task.transaction is not None
        with self._lock:
            self._candidates.limit(task.transaction.provider, task.stream, refused.seconds, refused.why)

    def on_close(self, transaction: Transaction) -> Callable[[], None] | None:
        """What has to be called when the connection ends that is opened for ``transaction``."""
        lease = transaction.grant.lease if transaction.grant is not None else None
        return partial(self.pace.connections.release, lease) if lease is not None else None

    def _renew(self) -> None:
        with self._lock:
            self._candidates.renew()

    def _give_back(self, transaction: Transaction) -> None:
        if transaction.grant is not None:
            self.pace.give_back(transaction.grant)
            transaction.grant = None

    def claimable(self) -> list[tuple[StreamView, int]]:
        """The streams to claim from, transactional first, each with the number of messages that its limits let out.

        A stream that is only held back by a limit that has something left again soon is not claimed from: its mail
        would be taken off the queue to be put back.
        """
        now = self._now()
        snapshot, breakers = self._roster.snapshot(), self._health.all()
        found: list[tuple[StreamView, int]] = []
        resumes: list[datetime] = []
        for stream in self.streams():
            with self._lock:
                candidates = self._candidates.of(stream, snapshot, breakers)
            room = room_for(stream, candidates, snapshot.providers, self.pace, now)
            if isinstance(room, datetime):
                resumes.append(room)
            else:
                found.append((stream, room))
        self.resumes_at = min(resumes, default=None)
        return found
