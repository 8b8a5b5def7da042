"""Rows that tests put into the log directly, when how they came there plays no part."""

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from senddock.models import Message


def message(session: Session, now: datetime) -> str:
    """An accepted message."""
    row = Message(
        id=str(uuid.uuid4()),
        project_id=1,
        stream_id=1,
        created_at=now,
        via="api",
        to_header="a@example.org",
        recipient_count=1,
        subject="x",
        header_message_id="<x@example.com>",
        size=1,
        state="accepted",
    )
    session.add(row)
    session.flush()
    return row.id
