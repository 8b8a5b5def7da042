"""What a worker left behind when it died: requeued when nothing can have been sent, uncertain when a dot may have left."""

import logging
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from senddock.dispatch.consequences import anybody_listens, follow_up, note_all
from senddock.dispatch.dot_marks import keep, marks_of
from senddock.dispatch.message_state import ABANDONED, refresh_state
from senddock.dispatch.named_domains import named_domains
from senddock.dispatch.tally import Tally, in_doubt, pen_of
from senddock.domain.status import Status
from senddock.domain.verdict import VerdictClass
from senddock.models import Attempt, Database, Delivery, DotMark, Event, Message, Stream, Worker

log = logging.getLogger(__name__)

#: Messages recovered in one transaction, so that the doors are not kept waiting.
_BATCH = 500
#: Seconds until a message that a defect left behind is tried again, so that it does not keep a worker busy.
_ABANDONED_PAUSE = 60
_PENDING = (Status.QUEUED.value, Status.DEFERRED.value, Status.SCHEDULED.value)


def recover(database: Database, *, now: datetime, lease: float) -> int:
    """Take back the messages of dead workers; answers how many.

    A worker is dead when it signed off, when its process on this host is gone, or when its heartbeat is older than
    ``lease`` seconds.
    """
    dead = [*_dead_workers(database, now, lease), ABANDONED]
    recovered = 0
    held = (
        select(Message.id, Message.fence, Message.attempts, Message.stream_id, Message.worker_id)
        .where(Message.worker_id.in_(dead))
        .limit(_BATCH)
    )
    with database.connect() as connection:
        waiting = connection.execute(held.limit(1)).first() is not None
    while waiting:
        with database.transaction() as connection:
            # Held until the end: a worker that is only slow marks nothing more before its fences have grown.
            marks = marks_of(connection, lock=True)
            rows = connection.execute(held).all()
            for row in rows:
                keep(connection, marks, row.id, row.fence)
                _take_back(connection, row, now)
        recovered += len(rows)
        waiting = len(rows) == _BATCH
    if len(dead) > 1:
        with database.transaction() as connection:
            connection.execute(
                update(Worker).where(Worker.id.in_(dead), Worker.stopped_at.is_(None)).values(stopped_at=now)
            )
    if recovered:
        log.warning("took back %d messages of workers that are gone", recovered)
    return recovered


def _dead_workers(database: Database, now: datetime, lease: float) -> list[int]:
    host = os.uname().nodename
    with database.connect() as connection:
        rows = connection.execute(
            select(Worker).where(
                or_(Worker.stopped_at.is_(None), Worker.id.in_(select(Message.worker_id).where(Message.worker_id > 0)))
            )
        ).all()
    return [row.id for row in rows if row.stopped_at or _gone(row, host) or _silent(row, now, lease)]


def _gone(worker: Row[*tuple[Any, ...]], host: str) -> bool:
    if worker.host != host:
        return False
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _silent(worker: Row[*tuple[Any, ...]], now: datetime, lease: float) -> bool:
    # A heartbeat far ahead was made before the clock was set back: a living worker has beaten since.
    return bool(abs(now - worker.heartbeat_at) > timedelta(seconds=lease))


def _take_back(connection: Connection, row: Row[*tuple[Any, ...]], now: datetime) -> None:
    """End the claim. Growing the fence shuts out a holder that is only slow and wakes up later."""
    doubtful = connection.execute(
        select(Attempt.number, Attempt.provider_id, Attempt.recipients, Attempt.detail)
        .where(
            Attempt.message_id == row.id,
            Attempt.dot_at.is_not(None),
            Attempt.finished_at.is_(None),
        )
        .order_by(Attempt.number.desc())
    ).all()
    newest = connection.execute(
        select(Attempt.number).where(Attempt.message_id == row.id).order_by(Attempt.number.desc()).limit(1)
    ).scalar()
    connection.execute(
        update(Message)
        .where(Message.id == row.id)
        .values(
            worker_id=None,
            fence=Message.fence + (0 if doubtful else 1),
            state=Status.QUEUED.value,
            due_at=now + timedelta(seconds=_ABANDONED_PAUSE if row.worker_id == ABANDONED else 0),
            attempts=max(row.attempts, newest or 0),
        )
    )
    if doubtful:
        _in_doubt(connection, row, doubtful, now)
    connection.execute(
        insert(Event).values(
            message_id=row.id,
            kind="recovered",
            at=now,
            data={"outcome": "uncertain" if doubtful else "requeued"},
        )
    )


def _in_doubt(
    connection: Connection, row: Row[*tuple[Any, ...]], doubtful: Sequence[Row[*tuple[Any, ...]]], now: datetime
) -> None:
    """The dot was about to leave or had left, and no answer was recorded: nobody can know."""
    text = (
        "The worker died as the final dot was leaving or had left; whether the provider took the message is not known."
    )
    deliveries = connection.execute(
        select(Delivery.id, Delivery.recipient, Delivery.verdict_class).where(
            Delivery.message_id == row.id, Delivery.status.in_(_PENDING)
        )
    ).all()
    named = [attempt.detail.get("deliveries") for attempt in doubtful]
    # An attempt that names nobody carried everybody who was pending.
    carried = None if None in named else {delivery_id for ids in named for delivery_id in ids}
    for attempt, ids in zip(doubtful, named, strict=True):
        shown = [
            {"recipient": delivery.recipient, "class": VerdictClass.UNCERTAIN.value, "reply": text}
            for delivery in deliveries
            if ids is None or delivery.id in ids
        ]
        ended = connection.execute(
            update(Attempt)
            .where(Attempt.message_id == row.id, Attempt.number == attempt.number)
            .values(
                finished_at=now,
                stage="reply",
                verdict_class=VerdictClass.UNCERTAIN.value,
                text=text,
                detail={**attempt.detail, "recipients": shown},
            )
            .returning(Attempt.provider_id, Attempt.detail)
        ).one()
        Tally.write(pen_of(connection), [in_doubt(ended, row.stream_id, now, named_domains(connection))])
    policy = connection.execute(select(Stream.on_uncertain).where(Stream.id == row.stream_id)).scalar_one()
    again = policy == "retry_same"
    provider_id = doubtful[0].provider_id
    told: list[dict[str, Any]] = []
    for delivery in deliveries:
        if carried is not None and delivery.id not in carried:
            connection.execute(update(Delivery).where(Delivery.id == delivery.id).values(next_attempt_at=now))
            continue
        retry = again and delivery.verdict_class != VerdictClass.UNCERTAIN.value
        outcome = {
            "status": (Status.DEFERRED if retry else Status.UNCERTAIN).value,
            "verdict_class": VerdictClass.UNCERTAIN.value,
            "code": None,
            "enhanced": None,
            "text": text,
            "finished_at": None if retry else now,
        }
        connection.execute(
            update(Delivery)
            .where(Delivery.id == delivery.id)
            .values(
                **outcome,
                sticky_provider_id=provider_id if retry else None,
                next_attempt_at=now + timedelta(seconds=30) if retry else None,
            )
        )
        change = {f"v_{name}": value for name, value in outcome.items()}
        told.append({**change, "v_tries": 1, "recipient": delivery.recipient})
    pen = pen_of(connection)
    note_all(pen, follow_up(pen, row.id, told, anybody_listens(pen)))
    connection.execute(
        update(Message)
        .where(Message.id == row.id)
        .values(last_class=VerdictClass.UNCERTAIN.value, last_code=None, provider_id=provider_id, due_at=None)
    )
    refresh_state(connection, row.id)


def bring_forward(database: Database, *, now: datetime) -> None:
    """The clock was set back: queued mail that is due later by the old clock is due now, deferred mail is looked at.

    Scheduled mail keeps the time a person named.
    """
    with database.transaction() as connection:
        connection.execute(
            update(Message)
            .where(
                Message.due_at > now,
                Message.worker_id.is_(None),
                Message.state.in_((Status.QUEUED.value, Status.DEFERRED.value)),
            )
            .values(due_at=now)
        )


def forget_workers(database: Database, *, now: datetime) -> None:
    """Delete worker rows that hold nothing and have been over for a day, with their marks."""
    with database.transaction() as connection:
        holding = select(Message.worker_id).where(Message.worker_id.is_not(None))
        connection.execute(
            delete(Worker).where(Worker.heartbeat_at < now - timedelta(days=1), Worker.id.not_in(holding))
        )
        connection.execute(delete(DotMark).where(DotMark.worker_id.not_in(select(Worker.id))))
