"""Compiled statements store what SQLAlchemy's own would, however many rows they take at a time."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from senddock.models import Database, Event, Message
from senddock.models.prepared import Pen, Prepared, in_parts

_EVENTS = Prepared(insert(Event), ["message_id", "kind", "at", "data"])
_UID = "01900000-0000-7000-8000-00000000000{}"


@pytest.mark.parametrize("number", [0, 1, 2, 16, 17, 63, 64, 65, 200])
def test_rows_are_cut_into_few_sizes_of_part(number: int) -> None:
    parts = list(in_parts(number))
    assert sum(parts) == number
    assert all(part <= 16 or part in (32, 64) for part in parts)


@pytest.mark.parametrize("number", [1, 5, 16, 17, 150])
def test_every_row_is_stored_in_its_order(database: Database, number: int) -> None:
    at = datetime(2026, 11, 25, 10, tzinfo=UTC)
    message = dict.fromkeys(("via", "to_header", "subject", "header_message_id"), "x")
    rows: list[dict[str, Any]] = [
        {"message_id": _UID.format(1), "kind": f"kind {index}", "at": at, "data": {"ü": index}}
        for index in range(number)
    ]
    with database.transaction() as connection:
        connection.execute(
            insert(Message).values(
                id=_UID.format(1), project_id=1, stream_id=1, created_at=at, recipient_count=1, size=1, state="queued",
                **message,
            )
        )  # fmt: skip
        cursor = connection.connection.cursor()
        _EVENTS.insert(Pen(connection.dialect, cursor), rows)
        cursor.close()
    with database.read() as session:
        stored = session.scalars(select(Event).order_by(Event.id)).all()
        assert session.scalar(select(func.count()).select_from(Event)) == number
    assert [(row.kind, row.at, row.data) for row in stored] == [(row["kind"], at, row["data"]) for row in rows]
