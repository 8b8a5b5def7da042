"""What an application may read and change of its mail: that of its project, and of its streams when its key has some."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from senddock.dispatch.caller import Caller
from senddock.models import Content, Message


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Some messages with the recipients as submitted, the newest first."""

    rows: Sequence[tuple[Message, dict[str, Any]]]
    has_more: bool


def page(session: Session, who: Caller, *, older_than: str | None, newer_than: str | None, limit: int) -> OwnPage:
    """The newest messages, or those on one side of an id; ``has_more`` tells of that side."""
    query = _of(who)
    if newer_than is not None:
        query = query.where(Message.id > newer_than).order_by(Message.id)
    else:
        if older_than is not None:
            query = query.where(Message.id < older_than)
        query = query.order_by(Message.id.desc())
    found = list(session.scalars(query.limit(limit + 1)))
    rows = found[:limit]
    if newer_than is not None:
        rows.reverse()
    metas = _metas(session, [row.id for row in rows])
    return OwnPage([(row, metas.get(row.id, {})) for row in rows], len(found) > limit)


def find(session: Session, who: Caller, message_id: str) -> Message | None:
    """One message, or ``None`` when there is none that the caller may see."""
    try:
        uid = str(uuid.UUID(message_id))
    except ValueError:
        return None
    return session.scalar(_of(who).where(Message.id == uid))


def _of(who: Caller) -> Select[Message]:
    query = select(Message).where(Message.project_id == who.project_id)
    return query.where(Message.stream_id.in_(who.stream_ids)) if who.stream_ids else query


def _metas(session: Session, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = session.execute(select(Content.message_id, Content.meta).where(Content.message_id.in_(ids)))
    return {row.message_id: row.meta for row in rows}
