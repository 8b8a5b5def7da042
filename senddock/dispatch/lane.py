"""One lane's work: transactions over one session, chained, with the dot mark committed before each final dot.

Written as one flow that pauses (`senddock.smtp.steps`): at the socket, for a session to be opened, and with a `Mark` for
the commit of a dot mark. The loop that drives all lanes resumes it.
"""

import dataclasses
import logging
import time
from collections.abc import Generator
from functools import partial
from typing import Any

from senddock.dispatch.answers import answers, detail_of
from senddock.dispatch.carrier import Carrier
from senddock.dispatch.dial import Dial
from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.lanes import ProviderQueue
from senddock.dispatch.marking import marks_wanted
from senddock.dispatch.planner import Admission
from senddock.dispatch.task import Task, Transaction
from senddock.domain.reply import Reply, Stage
from senddock.secrets.vault import SealBroken, WrongMasterKey
from senddock.smtp.fault import WireFault
from senddock.smtp.session import Opening, Session
from senddock.smtp.wire import Wire

log = logging.getLogger(__name__)


#: Yields what it waits for: the socket (`READ`, `WRITE`), a `Dial` (answered with a session), marks (each says
#: afterwards whether it is on disk).
Flow = Generator[int | Dial | list[Mark], Any, Any]


class Lane:
    """One lane's visit to one provider queue: at most one session, transactions one after the other."""

    def __init__(self, carrier: Carrier, served: ProviderQueue) -> None:
        self._carrier = carrier
        self.served = served
        self._session: Session | None = None
        #: Key of the pool: another host, account or password is another pool.
        provider = served.provider
        self._key = (provider.id, provider.updated_at)
        self._timings: dict[str, float] = {}
        #: Taken and not handed over to the planner yet: the one on the wire and the one chained behind it.
        self._in_hand: list[Task] = []
        self.flow: Flow = self._visit()

    @property
    def wire(self) -> Wire | None:
        """The connection under the lane's session."""
        return self._session.wire if self._session is not None else None

    def _visit(self) -> Flow:
        """Carry the tasks of the provider until there is none."""
        try:
            yield from self._go()
        except Exception:
            # A defect of ours must not hold a message for ever: recovery decides by what is on disk.
            log.exception("a lane met a defect while serving %s", self.served.provider.name)
            self._drop()
            for task in self._in_hand:
                self._carrier.abandon(task)
            self._in_hand.clear()
        if self._session is not None:
            self._carrier.pool.put(self._key, self._session)
            self._session = None

    def _go(self) -> Flow:
        task, begun = self._take(), False
        while task is not None:
            transaction = task.transaction
            assert transaction is not None
            if transaction.started_at is None:
                transaction.started_at, transaction.clock = self._carrier.now(), time.monotonic()
            if self._session is None:
                begun = False
                if not (yield from self._open(task)):
                    return
            task, begun = yield from self._carry(task, transaction, begun)

    def _carry(self, task: Task, transaction: Transaction, begun: bool) -> Flow:
        """One transaction; answers the next task and whether its envelope has been sent already."""
        session, outgoing = self._session, transaction.outgoing
        assert session is not None
        if not begun:
            refusal = session.fits(outgoing)
            if refusal is not None:
                self._finish(task, None, refusal)
                return self._take(), False
        opening: Opening | None = None
        try:
            if not begun:
                yield from session.begin(outgoing)
            opening = yield from session.opening(outgoing)
            if opening.ready:
                yield from session.body(outgoing)
        except WireFault as error:
            return self._broke_before_dot(task, transaction, error, opening)
        if not opening.ready:
            if self._ends_session(opening) and not transaction.retried_fresh:
                self._drop()
                transaction.retried_fresh = True
                return task, False
            self._finish(task, opening, None)
            yield from self._reset()
            return self._take(), False
        following = self._chained(session)
        if not (yield from self._mark(task, transaction, following)):
            # Without its mark on disk the dot must not leave; the server discards what it has.
            self._drop()
            self._lost(task)
            return following or self._take(), False
        try:
            refusal = yield from session.interruption()
        except WireFault as error:
            return self._broke_before_dot(task, transaction, error, opening, following)
        if refusal is not None:
            self._drop()
            self._finish(task, opening, refusal)
            return following or self._take(), False
        return (yield from self._send_dot(task, opening, session, following))

    def _mark(self, task: Task, transaction: Transaction, following: Task | None) -> Flow:
        """See to it that the dot mark of ``task`` is on disk; False when it cannot be."""
        session = self._session
        assert session is not None
        marks = marks_wanted(task, following, self._carrier.now(), answers_in=session.answered_in)
        if marks:
            yield marks
        mark = transaction.mark
        assert mark is not None
        transaction.row = mark.attempt
        return mark.committed

    def _send_dot(self, task: Task, opening: Opening, session: Session, following: Task | None) -> Flow:
        if following is not None and following.transaction is not None:
            following.transaction.started_at, following.transaction.clock = self._carrier.now(), time.monotonic()
        try:
            yield from session.finish(following.transaction.outgoing if following and following.transaction else None)
            reply = yield from session.outcome()
        except WireFault as error:
            self._drop()
            # From the dot on nobody can know; what was chained behind it has not been sent.
            lost = Reply(Stage.REPLY, None, None, f"No answer after the final dot: {error.reply.text}")
            self._finish(task, opening, lost)
            return following or self._take(), False
        if reply.code is not None and 300 <= reply.code < 400:
            # No answer to a dot: whatever it belongs to, what comes after it cannot be told apart any more.
            self._drop()
            self._finish(task, opening, reply)
            return following or self._take(), False
        self._finish(task, opening, reply)
        if following is not None:
            return following, True
        if session.broken or reply.code == 421 or self._used_up(session):
            yield from session.quit()
            self._session = None
        return self._take(), False

    def _chained(self, session: Session) -> Task | None:
        """A task whose envelope may travel with this one's final dot."""
        if not session.pipelining or self._used_up(session):
            return None
        task = self._take()
        if task is None or task.transaction is None:
            return task
        if session.fits(task.transaction.outgoing) is not None:
            self._in_hand.remove(task)
            self._carrier.lanes.push(self.served.provider, task, first=True)
            return None
        task.transaction.started_at, task.transaction.clock = self._carrier.now(), time.monotonic()
        return task

    def _used_up(self, session: Session) -> bool:
        """True when the provider wants a new connection for the next message."""
        limit = self.served.provider.messages_per_connection
        return limit is not None and session.transactions >= limit

    def _ends_session(self, opening: Opening) -> bool:
        """True when the server has ended a session that had carried others (421 to MAIL: so many messages, so long idle).

        A new one shows whether it meant the session or itself.
        """
        reused = self._session is not None and self._session.transactions > 1
        return reused and opening.refusal is not None and opening.refusal.code == 421 and not opening.recipients

    def _broke_before_dot(
        self,
        task: Task,
        transaction: Transaction,
        error: WireFault,
        opening: Opening | None,
        following: Task | None = None,
    ) -> tuple[Task | None, bool]:
        """The link died; the recipients that were refused before keep their answers."""
        session = self._session
        reused = session is not None and session.transactions > 1
        self._drop()
        if reused and not transaction.retried_fresh and transaction.dot_at is None and error.reply.code is None:
            # The server may have closed an idle session just then; that says nothing about the provider. Once the
            # body has been taken, a link that dies was no idle one.
            transaction.retried_fresh = True
            return task, False
        self._finish(task, opening, error.reply)
        return following or self._take(), False

    def _open(self, task: Task) -> Flow:
        """A session from the pool, or a new one. False when it cannot be opened: the lane leaves this provider."""
        carrier = self._carrier
        transaction = task.transaction
        assert transaction is not None
        self._timings = {}
        if not transaction.retried_fresh:
            self._session = carrier.pool.take(self._key)
        if self._session is None:
            if carrier.admit(task, self.served, opening=True) is not Admission.GRANTED:
                self._in_hand.remove(task)
                return False
            try:
                # With a sign-in the others wait for its outcome: refused ten times at once, it locks an account.
                greeted = None if self.served.provider.username else partial(carrier.lanes.greeted, self.served)
                target = carrier.roster.target(self.served.provider)
                dial = Dial(target, carrier.planner.on_close(transaction), greeted)
                self._timings = dial.timings
                self._session = yield dial
            except WireFault as error:
                return self._not_opened(task, error.reply)
            except (WrongMasterKey, SealBroken) as error:
                return self._not_opened(task, Reply(Stage.AUTH, None, None, f"Password cannot be decrypted: {error}"))
        if transaction.grant is not None:
            # The connection is the session's from here on; the grant is for this message only.
            transaction.grant = dataclasses.replace(transaction.grant, lease=None)
        carrier.lanes.warmed(self.served)
        return True

    def _not_opened(self, task: Task, reply: Reply) -> bool:
        waiting = self._carrier.lanes.cooled(self.served)
        self._finish(task, None, reply)
        self._carrier.plan_again(waiting)
        return False

    def _finish(self, task: Task, opening: Opening | None, reply: Reply | None) -> None:
        """Hand the outcome to the planner: one reply a recipient, and the one that stands for the attempt."""
        transaction = task.transaction
        assert transaction is not None
        carrier, session = self._carrier, self._session
        stage_reply, replies = answers(len(transaction.recipients), opening, reply)
        detail = detail_of(transaction, stage_reply, self._timings, reused=bool(session and session.transactions > 1))
        self._timings = {}
        following = carrier.planner.answered(
            task, replies, stage_reply=stage_reply, tls=session.tls if session else None, detail=detail
        )
        self._in_hand.remove(task)
        carrier.move_on(task, following)
        if not carrier.planner.is_open(self.served.provider):
            # What still waits for this provider must not find out one by one.
            carrier.plan_again(carrier.lanes.cooled(self.served))

    def _lost(self, task: Task) -> None:
        """Another worker holds it now, or the database is away: the lease decides, nothing is written here."""
        log.warning("message %s was not sent: its dot mark could not be committed", task.id)
        self._carrier.planner.give_back(task)
        self._in_hand.remove(task)
        self._carrier.lanes.left()

    def _reset(self) -> Flow:
        session = self._session
        assert session is not None
        if session.broken:
            self._drop()
            return
        try:
            yield from session.reset()
        except WireFault as error:
            log.info("session with %s ended at RSET: %s", self.served.provider.name, error)
            self._drop()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _take(self) -> Task | None:
        while (task := self._carrier.lanes.take(self.served)) is not None:
            opening = self._session is None and not self._carrier.pool.has(self._key)
            admission = self._carrier.admit(task, self.served, opening=opening)
            if admission is Admission.GRANTED:
                self._in_hand.append(task)
                return task
            if admission is Admission.CROWDED:
                return None
        return None
