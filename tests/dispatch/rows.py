"""Rows that tests put into the log directly, when how they came there plays no part."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from senddock.dispatch import dot_marks
from senddock.dispatch.claim import claim
from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.recorder import Recorder
from senddock.models import Message, Worker
from tests.conftest import Bench

NOW = datetime.now(UTC)
#: The row of a message that was not tried.
GIVEN_BACK = {
    **{f"v_{name}": None for name in ("provider_id", "last_class", "last_code", "reason", "plan", "finished_at")},
    "v_state": "queued",
    "v_due_at": NOW,
    "v_attempts": 0,
    "v_rounds": 0,
    "v_failed_over": False,
}


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


def all_held(bench: Bench, count: int) -> tuple[Recorder, list[tuple[str, int]]]:
    """Messages held by a worker on another host, each with its fence, and the recorder of that worker."""
    ids = [bench.submit() for _ in range(count)]
    with bench.database.transaction() as connection:
        connection.execute(insert(Worker).values(id=77, host="elsewhere", pid=1, started_at=NOW, heartbeat_at=NOW))
        dot_marks.begin(connection, 77)
    claimed = claim(bench.database, worker_id=77, stream_ids=[1], limit=count, now=datetime.now(UTC))
    fences = {item.row.id: item.row.fence for item in claimed}
    return Recorder(bench.database, 77), [(message_id, fences[message_id]) for message_id in ids]


def held(bench: Bench) -> tuple[Recorder, str, int]:
    """The same for one message."""
    recorder, ((message_id, fence),) = all_held(bench, 1)
    return recorder, message_id, fence


def mark_of(message_id: str, fence: int, number: int = 1) -> Mark:
    """The dot mark of an attempt at provider 7."""
    row = {
        "message_id": message_id,
        "number": number,
        "provider_id": 7,
        "provider_name": "p",
        "started_at": NOW,
        "dot_at": NOW,
        "finished_at": None,
        "duration_ms": None,
        "recipients": 1,
        "stage": None,
        "verdict_class": None,
        "code": None,
        "enhanced": None,
        "text": None,
        "rule": None,
        "fail_over": False,
        "tls": None,
        "plan": {"why": "priority 1"},
        "detail": {},
    }
    return Mark(message_id, fence, row)
