"""Accepting mail: one commit for everything that waits, and only then an answer.

Requests that arrive together share one transaction and one fsync (group commit): a thread hands its submission to the
committer and waits for the commit that carries it. An answer is given only after that commit, so what was accepted
survives the loss of power.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select
from sqlalchemy.exc import IntegrityError

from senddock.dispatch.ids import new_id
from senddock.dispatch.outbox_rows import Batch, suppressed_of
from senddock.dispatch.submission import Idempotency, IdempotencyConflict, Receipt, Submission
from senddock.models import Database, IdempotencyRecord, Message, StorageUnavailable

log = logging.getLogger(__name__)

#: Submissions in one transaction at most, so that the first of a crowd does not wait for the last.
_GROUP = 200
#: A committer that does not answer within this many seconds is reported as an unavailable store.
_PATIENCE = 60.0
_LATE = "the database did not confirm the message in time"


@dataclass(slots=True)
class _Order:
    submissions: Sequence[Submission]
    idempotency: Idempotency | None
    #: Called when it is decided; by default the submitting thread waits for it.
    answer: Callable[[Receipt | Exception], None] | None = None
    done: threading.Event = field(default_factory=threading.Event)
    receipt: Receipt | None = None
    error: Exception | None = None
    #: The ids of its messages, the same however often storing them is tried.
    ids: tuple[str, ...] = ()
    #: Monotonic seconds at which whoever waits is told that the database did not confirm it; from then on it must not be
    #: stored any more.
    until: float = field(default_factory=lambda: time.monotonic() + _PATIENCE)

    def finish(self) -> None:
        """Tell whoever waits."""
        if self.answer is None:
            self.done.set()
            return
        outcome = self.error or self.receipt
        assert outcome is not None
        try:
            self.answer(outcome)
        except RuntimeError:
            # The event loop of the one who asked is closed: what was committed stays committed.
            log.info("nobody waits for an answer any more")


def utcnow() -> datetime:
    """The present, aware and in UTC."""
    return datetime.now(UTC)


class Outbox:
    """The door to the database for new mail; one for each process, safe to call from many threads."""

    def __init__(self, database: Database, wake: Callable[[], None], now: Callable[[], datetime] = utcnow) -> None:
        """``wake`` is called after each commit that left something to send; it must not raise."""
        self._database = database
        self._wake = wake
        self._now = now
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, submissions: Sequence[Submission], *, idempotency: Idempotency | None = None) -> Receipt:
        """Store all or none and answer when they are on disk.

        Raises `StorageUnavailable` when the database cannot take them, and `IdempotencyConflict`; in both cases
        nothing was stored.
        """
        if not submissions:
            raise ValueError("there is nothing to submit")
        self._start()
        order = _Order(submissions, idempotency)
        self._orders.put(order)
        if not order.done.wait(_PATIENCE):
            raise StorageUnavailable(_LATE)
        if order.error is not None:
            raise order.error
        assert order.receipt is not None
        return order.receipt

    def submit_soon(
        self,
        submissions: Sequence[Submission],
        answer: Callable[[Receipt | Exception], None],
        *,
        idempotency: Idempotency | None = None,
    ) -> None:
        """Like `submit` without waiting: ``answer`` gets the receipt, or what `submit` would raise.

        It is called once, from the committer's thread, after the commit; it must be quick.
        """
        if not submissions:
            raise ValueError("there is nothing to submit")
        self._start()
        self._orders.put(_Order(submissions, idempotency, answer))

    def answered(self, idempotency: Idempotency) -> str | None:
        """The answer to an earlier submission with this key, or ``None``; stores nothing. Raises `IdempotencyConflict`.

        For what costs too much to be made ready twice: `submit` asks again, in its transaction.
        """
        with self._database.connect() as connection:
            found = _said(_known(connection, idempotency), idempotency, self._now())
        if isinstance(found, IdempotencyConflict):
            raise found
        return found

    def close(self) -> None:
        """Commit what waits and stop the committer."""
        thread = self._thread
        if thread is not None:
            self._orders.put(None)
            thread.join()
            self._thread = None

    def _start(self) -> None:
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    # Started on first use: a server that forks after creating the app must not lose its thread.
                    self._thread = threading.Thread(target=self._commit_for_ever, name="outbox", daemon=True)
                    self._thread.start()

    def _commit_for_ever(self) -> None:
        while True:
            order = self._orders.get()
            if order is None:
                return
            group = [order]
            size = len(order.submissions)
            while size < _GROUP:
                try:
                    more = self._orders.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._orders.put(None)
                    break
                group.append(more)
                size += len(more.submissions)
            self._commit(group)

    def _commit(self, group: Sequence[_Order]) -> None:
        try:
            try:
                due = self._store_all(group)
            except (IntegrityError, StorageUnavailable) as error:
                if isinstance(error, StorageUnavailable) and self._database.is_sqlite:
                    # Nobody but SQLite itself can end a commit: what failed is not there.
                    raise
                # Another process stored the same new idempotency key first, or the connection ended in the middle of a
                # commit that may have been carried out: now it is there to be found.
                due = self._store_all(group)
        except Exception as error:  # noqa: BLE001 - each waiting caller gets it raised; the committer goes on
            if len(group) > 1 and (self._database.is_sqlite or not isinstance(error, StorageUnavailable)):
                # One bad order must not take the others with it: each gets a transaction of its own.
                for order in group:
                    self._commit([order])
                return
            for order in group:
                order.error, order.receipt = error, None
                order.finish()
            return
        for order in group:
            order.finish()
        if due:
            self._wake()

    def _store_all(self, group: Sequence[_Order]) -> bool:
        now = self._now()
        batch = Batch(now)
        with self._database.transaction() as connection:
            suppressed = suppressed_of(connection, [item for order in group for item in order.submissions])
            stored = _stored(connection, group)
            for order in group:
                order.error = order.receipt = None
                if order.ids and order.ids[0] in stored:
                    order.receipt, batch.due = Receipt(order.ids), True
                    continue
                if time.monotonic() >= order.until:
                    order.error = StorageUnavailable(_LATE)
                    continue
                replayed = _claim_key(connection, order.idempotency, now) if order.idempotency else None
                if isinstance(replayed, IdempotencyConflict):
                    order.error = replayed
                    continue
                if replayed is not None:
                    order.receipt = Receipt((), replayed)
                    continue
                order.ids = order.ids or tuple(new_id() for _ in order.submissions)
                for uid, submission in zip(order.ids, order.submissions, strict=True):
                    batch.add(uid, submission, suppressed)
                if order.idempotency:
                    _remember(connection, order.idempotency, order.ids, now)
                order.receipt = Receipt(order.ids)
            batch.store(connection)
        return batch.due


def _stored(connection: Connection, group: Sequence[_Order]) -> set[str]:
    """Which of these messages are in the database since an earlier try whose commit was not answered.

    All of an order are stored or none, so its first message stands for it.
    """
    tried = [order.ids[0] for order in group if order.ids]
    if not tried:
        return set()
    return set(connection.scalars(select(Message.id).where(Message.id.in_(tried))))


def _claim_key(connection: Connection, idempotency: Idempotency, now: datetime) -> str | IdempotencyConflict | None:
    """The answer given before, a conflict, or ``None`` when the key is new or its 24 hours are over."""
    known = _known(connection, idempotency)
    if known is None:
        return None
    found = _said(known, idempotency, now)
    if found is None:
        connection.execute(delete(IdempotencyRecord).where(_of_key(idempotency)))
    return found


def _known(connection: Connection, idempotency: Idempotency) -> Row[str, str, datetime] | None:
    record = IdempotencyRecord
    columns = select(record.body_hash, record.response, record.created_at)
    return connection.execute(columns.where(_of_key(idempotency))).first()


def _said(
    known: Row[str, str, datetime] | None, idempotency: Idempotency, now: datetime
) -> str | IdempotencyConflict | None:
    if known is None or (now - known.created_at).total_seconds() >= 24 * 3600:
        return None
    if known.body_hash != idempotency.body_hash:
        return IdempotencyConflict("this idempotency key was used before with a different body")
    return str(known.response)


def _of_key(idempotency: Idempotency) -> ColumnElement[bool]:
    record = IdempotencyRecord
    return and_(
        record.api_key_id == idempotency.api_key_id,
        record.endpoint == idempotency.endpoint,
        record.key == idempotency.key,
    )


def _remember(connection: Connection, idempotency: Idempotency, ids: Sequence[str], now: datetime) -> None:
    # Two processes that race with the same new key meet at the primary key: one commits, the other is told to retry.
    connection.execute(
        insert(IdempotencyRecord).values(
            api_key_id=idempotency.api_key_id,
            endpoint=idempotency.endpoint,
            key=idempotency.key,
            body_hash=idempotency.body_hash,
            response=idempotency.respond(ids),
            created_at=now,
        )
    )
