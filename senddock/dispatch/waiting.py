"""What waits, counted in indexes alone, so that a million that wait cost a page milliseconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from senddock.domain.status import Status
from senddock.models import Message, Stream
from senddock.models.message import RARE_CONDITION

_DUE = Message.due_at.is_not(None)
#: The first of a stream in `ix_message_due`.
_OLDEST = select(func.min(Message.due_at)).where(Message.stream_id == Stream.id, _DUE).scalar_subquery()


def _count(*conditions: Any) -> Any:
    return select(func.count()).select_from(Message).where(*conditions).scalar_subquery()


_COUNTS = select(
    _count(_DUE),
    _count(Message.state == Status.DEFERRED.value, RARE_CONDITION),
    _count(Message.worker_id.is_not(None)),
    _count(Message.state == Status.UNCERTAIN.value, RARE_CONDITION),
    select(func.min(_OLDEST)).select_from(Stream).scalar_subquery(),
)
_STREAMS = select(Stream.id, Stream.name, _OLDEST).order_by(Stream.id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages that wait, are under way, or are uncertain."""

    queued: int
    deferred: int
    sending: int
    uncertain: int
    #: Seconds that the oldest one has been due for; ``None`` when none is due.
    oldest_seconds: float | None

    @property
    def all(self) -> int:
        """Those whose outcome is still to come."""
        return self.queued + self.deferred + self.sending


def waiting(session: Session, now: datetime) -> Waiting:
    """Count them."""
    due, deferred, sending, uncertain, oldest = session.connection().execute(_COUNTS).one()
    waited = round((now - oldest).total_seconds(), 1) if oldest is not None and oldest <= now else None
    return Waiting(due - deferred, deferred, sending, uncertain, waited)


def oldest_by_stream(session: Session) -> Sequence[tuple[int, str, datetime | None]]:
    """Id and name of every stream, and since when or from when its first message is due."""
    return [(row[0], row[1], row[2]) for row in session.connection().execute(_STREAMS)]
