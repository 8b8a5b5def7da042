"""One lane's work: transactions over one session, chained, with the dot mark committed before each final dot."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from senddock.dispatch.lanes import Lanes, ProviderQueue
from senddock.dispatch.message_state import abandon
from senddock.dispatch.planner import Planner
from senddock.dispatch.recorder import Mark, Recorder
from senddock.dispatch.roster import Roster
from senddock.dispatch.settling import attempt_row
from senddock.dispatch.task import Task, Transaction
from senddock.domain.reply import Reply, Stage
from senddock.models import Database, Provider
from senddock.secrets.vault import SealBroken, WrongMasterKey
from senddock.smtp.fault import WireFault
from senddock.smtp.pool import Pool
from senddock.smtp.session import Opening, Session

log = logging.getLogger(__name__)


class Carrier:
    """Serves provider queues; one object for all lanes of a worker."""

    def __init__(
        self,
        database: Database,
        roster: Roster,
        planner: Planner,
        recorder: Recorder,
        pool: Pool,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self.roster = roster
        self.planner = planner
        self.recorder = recorder
        self.pool = pool
        self.now = now
        self.lanes: Lanes | None = None

    def serve(self, served: ProviderQueue) -> None:
        """Carry the tasks of one provider until there is none; called in a lane."""
        run = _Run(self, served)
        try:
            run.go()
        except Exception:
            # A defect of ours must not hold a message for ever: recovery decides by what is on disk.
            log.exception("a lane met a defect while serving %s", served.provider.name)
            run.abandon()
        finally:
            run.end()

    def abandon(self, task: Task) -> None:
        """Leave ``task`` to recovery."""
        assert self.lanes is not None
        abandon(self._database, task.id, task.claimed.row.fence)
        self.lanes.left()

    def move_on(self, task: Task, provider: Provider | None) -> None:
        """Queue ``task`` for its next provider, or count it as settled."""
        assert self.lanes is not None
        if provider is None:
            self.lanes.left()
        elif self.lanes.stopping:
            self.planner.give_back(task)
            self.lanes.left()
        else:
            self.lanes.push(provider, task, first=True)

    def plan_again(self, tasks: Sequence[Task]) -> None:
        """Tasks that have not tried anything yet: with what is known now the plan may name another provider."""
        for task in tasks:
            self.planner.unplace(task)
            self.move_on(task, self.planner.place(task))


class _Run:
    """One lane's visit to one provider queue: at most one session, transactions one after the other."""

    def __init__(self, carrier: Carrier, served: ProviderQueue) -> None:
        self._carrier = carrier
        self._served = served
        self._session: Session | None = None
        #: Key of the pool: another host, account or password is another pool.
        provider = served.provider
        self._key = (provider.id, provider.updated_at)
        self._timings: dict[str, float] = {}
        self._latch = threading.Lock()
        self._latch.acquire()
        #: Taken and not handed over to the planner yet: the one on the wire and the one chained behind it.
        self._in_hand: list[Task] = []

    def go(self) -> None:
        task, begun = self._take(), False
        while task is not None:
            transaction = task.transaction
            assert transaction is not None
            if transaction.started_at is None:
                transaction.started_at, transaction.clock = self._carrier.now(), time.monotonic()
            if self._session is None:
                begun = False
                if not self._open(task):
                    return
            task, begun = self._carry(task, transaction, begun)

    def abandon(self) -> None:
        """After a defect: nothing of this visit is trusted any more."""
        self._drop()
        for task in self._in_hand:
            self._carrier.abandon(task)
        self._in_hand.clear()

    def end(self) -> None:
        """Keep the session for the next visit."""
        if self._session is not None:
            self._carrier.pool.put(self._key, self._session)
            self._session = None

    def _carry(self, task: Task, transaction: Transaction, begun: bool) -> tuple[Task | None, bool]:
        """One transaction; answers the next task and whether its envelope has been sent already."""
        session = self._session
        assert session is not None
        if not begun:
            refusal = session.fits(transaction.outgoing)
            if refusal is not None:
                self._finish(task, None, refusal)
                return self._take(), False
        try:
            if not begun:
                session.begin(transaction.outgoing)
            opening = session.opening(transaction.outgoing)
            if opening.ready:
                session.body(transaction.outgoing)
        except WireFault as error:
            return self._broke_before_dot(task, transaction, error)
        if not opening.ready:
            self._finish(task, opening, None)
            self._reset()
            return self._take(), False
        if not self._mark(task, transaction):
            # Without its mark on disk the dot must not leave; the server discards what it has.
            self._drop()
            self._lost(task)
            return self._take(), False
        try:
            refusal = session.interruption()
        except WireFault as error:
            return self._broke_before_dot(task, transaction, error)
        if refusal is not None:
            self._drop()
            self._finish(task, None, refusal)
            return self._take(), False
        return self._send_dot(task, transaction, opening, session)

    def _send_dot(
        self, task: Task, transaction: Transaction, opening: Opening, session: Session
    ) -> tuple[Task | None, bool]:
        following = self._chained(session)
        try:
            session.finish(following.transaction.outgoing if following and following.transaction else None)
            reply = session.outcome()
        except WireFault as error:
            self._drop()
            # From the dot on nobody can know; what was chained behind it has not been sent.
            lost = Reply(Stage.REPLY, None, None, f"No answer after the final dot: {error.reply.text}")
            self._finish(task, opening, lost)
            return following or self._take(), False
        self._finish(task, opening, reply)
        if following is not None:
            return following, True
        if session.broken or reply.code == 421 or self._used_up(session):
            self._goodbye()
        return self._take(), False

    def _chained(self, session: Session) -> Task | None:
        """A task whose envelope may travel with this one's final dot."""
        if not session.pipelining or self._used_up(session):
            return None
        task = self._take()
        if task is None or task.transaction is None:
            return task
        if session.fits(task.transaction.outgoing) is not None:
            assert self._carrier.lanes is not None
            self._in_hand.remove(task)
            self._carrier.lanes.push(self._served.provider, task, first=True)
            return None
        task.transaction.started_at, task.transaction.clock = self._carrier.now(), time.monotonic()
        return task

    def _used_up(self, session: Session) -> bool:
        """True when the provider wants a new connection for the next message."""
        limit = self._served.provider.messages_per_connection
        return limit is not None and session.transactions >= limit

    def _broke_before_dot(self, task: Task, transaction: Transaction, error: WireFault) -> tuple[Task | None, bool]:
        session = self._session
        reused = session is not None and session.transactions > 1
        self._drop()
        if reused and not transaction.retried_fresh and not transaction.marked and error.reply.code is None:
            # The server may have closed an idle session just then; that says nothing about the provider. With a mark
            # on disk the body has been taken: a link that dies then was no idle one.
            transaction.retried_fresh = True
            return task, False
        self._finish(task, None, error.reply)
        return self._take(), False

    def _open(self, task: Task) -> bool:
        """A session from the pool, or a new one. False when it cannot be opened: the lane leaves this provider."""
        carrier, served = self._carrier, self._served
        transaction = task.transaction
        assert transaction is not None
        assert carrier.lanes is not None
        self._timings = {}
        if not transaction.retried_fresh:
            self._session = carrier.pool.take(self._key)
        if self._session is None:
            try:
                target = carrier.roster.target(served.provider)
                self._session = Session.open(target, self._note_stage)
            except WireFault as error:
                return self._not_opened(task, error.reply)
            except (WrongMasterKey, SealBroken) as error:
                return self._not_opened(task, Reply(Stage.AUTH, None, None, f"Password cannot be decrypted: {error}"))
        carrier.lanes.warmed(served)
        return True

    def _not_opened(self, task: Task, reply: Reply) -> bool:
        carrier = self._carrier
        assert carrier.lanes is not None
        waiting = carrier.lanes.cooled(self._served)
        self._finish(task, None, reply)
        carrier.plan_again(waiting)
        return False

    def _note_stage(self, stage: Stage, milliseconds: float, _text: str) -> None:
        self._timings[stage.value] = round(self._timings.get(stage.value, 0.0) + milliseconds, 1)

    def _mark(self, task: Task, transaction: Transaction) -> bool:
        transaction.dot_at = self._carrier.now()
        row = attempt_row(task, transaction, transaction.dot_at)
        mark = Mark(task.id, task.claimed.row.fence, row, self._latch)
        transaction.marked = self._carrier.recorder.mark(mark)
        return transaction.marked

    def _finish(self, task: Task, opening: Opening | None, reply: Reply | None) -> None:
        """Hand the outcome to the planner: one reply a recipient, and the one that stands for the attempt."""
        transaction = task.transaction
        assert transaction is not None
        stage_reply, replies = _answers(len(transaction.recipients), opening, reply)
        session = self._session
        detail: dict[str, Any] = {"session": "reused" if session and session.transactions > 1 else "new"}
        if self._timings:
            detail["stages_ms"], self._timings = self._timings, {}
        if stage_reply.code is None and "imeout" in stage_reply.text:
            detail["timed_out"] = True
        if transaction.retried_fresh:
            detail["note"] = "an open session had been closed by the server; sent again on a new one"
        following = self._carrier.planner.answered(
            task, replies, stage_reply=stage_reply, tls=session.tls if session else None, detail=detail
        )
        self._in_hand.remove(task)
        self._carrier.move_on(task, following)
        if not self._carrier.planner.is_open(self._served.provider):
            # What still waits for this provider must not find out one by one.
            assert self._carrier.lanes is not None
            self._carrier.plan_again(self._carrier.lanes.cooled(self._served))

    def _lost(self, task: Task) -> None:
        """Another worker holds it now, or the database is away: the lease decides, nothing is written here."""
        assert self._carrier.lanes is not None
        log.warning("message %s was not sent: its dot mark could not be committed", task.id)
        self._carrier.planner.give_back(task)
        self._in_hand.remove(task)
        self._carrier.lanes.left()

    def _reset(self) -> None:
        session = self._session
        assert session is not None
        if session.broken:
            self._drop()
            return
        try:
            session.reset()
        except WireFault as error:
            log.info("session with %s ended at RSET: %s", self._served.provider.name, error)
            self._drop()

    def _goodbye(self) -> None:
        if self._session is not None:
            self._session.quit()
            self._session = None

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _take(self) -> Task | None:
        assert self._carrier.lanes is not None
        task = self._carrier.lanes.take(self._served)
        if task is not None:
            self._in_hand.append(task)
        return task


def _answers(count: int, opening: Opening | None, reply: Reply | None) -> tuple[Reply, list[Reply]]:
    """The reply that stands for the attempt, and one for each recipient (RFC 5321 section 3.3).

    A refusal of RCPT is that recipient's own; the reply to MAIL, DATA or the final dot is everybody's else.
    """
    whole = reply or (opening.refusal if opening else None)
    if opening is None or not opening.recipients:
        assert whole is not None
        return whole, [whole] * count
    answers = [item if not item.positive else whole for item in opening.recipients]
    if whole is None:
        # Every recipient was refused: the first refusal stands for the attempt.
        whole = next(item for item in opening.recipients if not item.positive)
    return whole, [answer if answer is not None else whole for answer in answers]
