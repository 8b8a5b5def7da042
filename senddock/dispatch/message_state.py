"""Changes to a message's own row that follow from elsewhere: from its deliveries, or from a defect."""

import logging

from sqlalchemy import Connection, select, update

from senddock.dispatch.dot_marks import keep, marks_of
from senddock.domain.status import Status, summarise
from senddock.models import Database, Delivery, Message, StorageUnavailable

log = logging.getLogger(__name__)

#: Holder of messages that a defect has left behind; no worker has this id.
ABANDONED = 0


def abandon(database: Database, message_id: str, fence: int) -> bool:
    """Let go of a message after a defect: recovery takes it back by what is on disk. False when that was not possible."""
    try:
        with database.transaction() as connection:
            # Its worker goes on and will not name it among its marks any more.
            keep(connection, marks_of(connection), message_id, fence)
            connection.execute(
                update(Message)
                .where(Message.id == message_id, Message.fence == fence, Message.worker_id.is_not(None))
                .values(worker_id=ABANDONED)
            )
    except StorageUnavailable as error:
        log.error("message %s stays held until the database takes writes again: %s", message_id, error)
        return False
    return True


def abandon_all(database: Database, worker_id: int) -> int:
    """Let go of everything a worker holds, when it has nothing in hand; answers how many that were.

    Raises `StorageUnavailable`.
    """
    with database.transaction() as connection:
        changed = connection.execute(update(Message).where(Message.worker_id == worker_id).values(worker_id=ABANDONED))
    return changed.rowcount


def refresh_state(connection: Connection, message_id: str) -> None:
    """Make the message's state follow from its deliveries again, when nobody holds it."""
    rows = connection.execute(
        select(Delivery.status, Delivery.next_attempt_at).where(Delivery.message_id == message_id)
    ).all()
    state = summarise(Status(row.status) for row in rows)
    waiting = (Status.DEFERRED.value, Status.QUEUED.value)
    due = [row.next_attempt_at for row in rows if row.status in waiting and row.next_attempt_at]
    connection.execute(
        update(Message)
        .where(Message.id == message_id, Message.worker_id.is_(None))
        .values(state=state.value, due_at=min(due) if due else None)
    )
