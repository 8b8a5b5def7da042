"""The rows of messages that are accepted together: a handful of statements for all of them, whatever their number."""

import contextlib
import functools
import json
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.exc import DBAPIError

from senddock.dispatch.submission import Submission
from senddock.dispatch.suppressed import suppressed_among
from senddock.dispatch.webhook_outbox import listening
from senddock.domain.status import Status, summarise
from senddock.models import Content, Delivery, Event, Message, WebhookEvent
from senddock.models.prepared import JsonText, Pen, Prepared

_MESSAGES = Prepared(
    insert(Message),
    "id project_id stream_id created_at via api_key_id sender from_domain from_header to_header recipient_count subject "
    "header_message_id size needs_8bit needs_smtputf8 state due_at scheduled_at expires_at fence attempts rounds failed_over "
    "pinned_provider_id finished_at".split(),
)
_CONTENTS = Prepared(insert(Content), ["message_id", "raw", "meta"])
_DELIVERIES = Prepared(insert(Delivery), ["message_id", "recipient", "status", "tries", "finished_at", "text"])
_EVENTS = Prepared(insert(Event), ["message_id", "kind", "at", "data"])


@functools.cache
def _submitted(via: str) -> JsonText:
    return JsonText(json.dumps({"via": via}))


class Batch:
    """Rows of several submissions, stored with one statement a table."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._messages: list[dict[str, Any]] = []
        self._contents: list[dict[str, Any]] = []
        self._deliveries: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []
        self.due = False

    def add(self, uid: str, submission: Submission, suppressed: set[tuple[int, str]]) -> None:
        """Turn one submission into the rows of message ``uid``."""
        now = self._now
        scheduled = submission.scheduled_at if submission.scheduled_at and submission.scheduled_at > now else None
        waiting = Status.SCHEDULED if scheduled else Status.QUEUED
        statuses = []
        for address in submission.envelope.recipients:
            blocked = (submission.project_id, str(address).lower()) in suppressed
            status = Status.SUPPRESSED if blocked else waiting
            statuses.append(status)
            self._deliveries.append(
                {
                    "message_id": uid,
                    "recipient": str(address),
                    "status": status.value,
                    "tries": 0,
                    "finished_at": now if blocked else None,
                    "text": "The address is on the suppression list." if blocked else None,
                }
            )
        state = summarise(statuses)
        pending = state is waiting
        self.due = self.due or (pending and scheduled is None)
        sender = submission.envelope.sender
        self._messages.append(
            {
                "id": uid,
                "project_id": submission.project_id,
                "stream_id": submission.stream_id,
                "created_at": now,
                "via": submission.via,
                "api_key_id": submission.api_key_id,
                "sender": str(sender) if sender else None,
                "from_domain": submission.from_domain,
                "from_header": submission.from_header,
                "to_header": submission.to_header,
                "recipient_count": len(statuses),
                "subject": submission.subject,
                "header_message_id": submission.header_message_id,
                "size": len(submission.raw),
                "needs_8bit": submission.needs_8bit,
                "needs_smtputf8": submission.needs_smtputf8,
                "state": state.value,
                "due_at": (scheduled or now) if pending else None,
                "scheduled_at": scheduled,
                "expires_at": submission.expires_at,
                "fence": 0,
                "attempts": 0,
                "rounds": 0,
                "failed_over": False,
                "pinned_provider_id": submission.pinned_provider_id,
                "finished_at": None if pending else now,
            }
        )
        self._contents.append({"message_id": uid, "raw": submission.raw, "meta": submission.meta})
        self._events.append({"message_id": uid, "kind": "submitted", "at": now, "data": _submitted(submission.via)})

    def store(self, connection: Connection) -> None:
        """Insert everything that was added."""
        if self._messages:
            with _written(connection) as pen:
                _MESSAGES.insert(pen, self._messages)
                _CONTENTS.insert(pen, self._contents)
                _DELIVERIES.insert(pen, self._deliveries)
                _EVENTS.insert(pen, self._events)
            self._tell(connection)

    def _tell(self, connection: Connection) -> None:
        told = [
            {
                "at": self._now,
                "kind": row["status"],
                "delivery_id": None,
                "data": {"message_id": row["message_id"], "recipient": row["recipient"], "text": row["text"]},
            }
            for row in self._deliveries
            if row["status"] in (Status.SCHEDULED.value, Status.SUPPRESSED.value)
        ]
        if told and listening(connection):
            connection.execute(insert(WebhookEvent), told)


def suppressed_of(connection: Connection, submissions: Collection[Submission]) -> set[tuple[int, str]]:
    """Which of the recipients are on their project's suppression list: project and address in lower case."""
    wanted = {(item.project_id, str(address).lower()) for item in submissions for address in item.envelope.recipients}
    with _written(connection) as pen:
        return suppressed_among(pen, wanted)


@contextlib.contextmanager
def _written(connection: Connection) -> Iterator[Pen]:
    """The driver's cursor inside the open transaction: four statements a commit, whose text is always the same."""
    driver = connection.dialect.loaded_dbapi
    cursor = connection.connection.cursor()
    try:
        yield Pen(connection.dialect, cursor)
    except driver.Error as error:
        # As SQLAlchemy would have raised it: `Database.transaction` tells an outage from a defect.
        raise DBAPIError.instance(None, None, error, driver.Error, dialect=connection.dialect) from error
    finally:
        cursor.close()
