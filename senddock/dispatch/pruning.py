"""Letting go of old messages, with everything that belongs to them; what failed is kept longer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select

from senddock.domain.status import PENDING, Status
from senddock.models import Database, IdempotencyRecord, Message

#: Messages deleted in one transaction, so that the doors are not kept waiting.
_BATCH = 500
_GOOD = (Status.ACCEPTED.value, Status.CANCELED.value, Status.SUPPRESSED.value)


@dataclass(frozen=True, slots=True)
class Age:
    """Messages that ended before ``good`` are let go, those that failed or are in doubt before ``bad``."""

    good: datetime
    bad: datetime


def count_old(database: Database, age: Age) -> int:
    """How many messages would be let go."""
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Message).where(_old(age))) or 0


def prune(database: Database, age: Age, now: datetime) -> Iterator[int]:
    """Delete in batches; yields how many each time. Whatever still waits stays, however old it is."""
    with database.transaction() as connection:
        connection.execute(delete(IdempotencyRecord).where(IdempotencyRecord.created_at < now - timedelta(days=1)))
    while True:
        with database.transaction() as connection:
            ids = connection.execute(select(Message.id).where(_old(age)).limit(_BATCH)).scalars().all()
            if ids:
                connection.execute(delete(Message).where(Message.id.in_(ids)))
        if not ids:
            return
        yield len(ids)


def _old(age: Age) -> ColumnElement[bool]:
    ended = func.coalesce(Message.finished_at, Message.created_at)
    return and_(
        Message.worker_id.is_(None),
        Message.due_at.is_(None),
        Message.state.not_in([status.value for status in PENDING]),
        or_(and_(Message.state.in_(_GOOD), ended < age.good), ended < age.bad),
    )
