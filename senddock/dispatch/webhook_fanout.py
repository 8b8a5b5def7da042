"""From noted events to deliveries: one for each endpoint that wants to hear of it, in one transaction with the note's end."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from senddock.dispatch.webhooks import new_event_id
from senddock.domain.webhook_events import details, envelope, event_type, iso
from senddock.models import Content, Database, Message, WebhookDelivery, WebhookEndpoint, WebhookEvent

_BATCH = 200
#: A payload stays far below the 20 KB that receivers expect.
_LONGEST = 1000


def fan_out(database: Database, now: datetime) -> int:
    """Turn every noted event into deliveries; answers how many were made."""
    made = 0
    while True:
        with database.write() as session:
            query = select(WebhookEvent).order_by(WebhookEvent.id).limit(_BATCH)
            events = session.scalars(query if database.is_sqlite else query.with_for_update(skip_locked=True)).all()
            if not events:
                return made
            endpoints = session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.disabled_at.is_(None))).all()
            for event in events:
                made += _deliver_to(session, event, endpoints, now)
            session.execute(delete(WebhookEvent).where(WebhookEvent.id.in_([event.id for event in events])))
        if len(events) < _BATCH:
            return made


def _deliver_to(session: Session, event: WebhookEvent, endpoints: Any, now: datetime) -> int:
    name = event_type(event.kind, event.data.get("verdict_class"))
    message_id = event.data.get("message_id")
    message = session.get(Message, message_id) if message_id else None
    project_id = message.project_id if message is not None else event.data.get("project_id")
    wanting = [
        row
        for row in endpoints
        if (not row.events or name in row.events) and (row.project_id is None or row.project_id == project_id)
    ]
    if not wanting:
        return 0
    data = _about_message(session, message, event, name) if name.startswith("email.") and message else _plain(event)
    payload = json.dumps(envelope(name, event.at, data), ensure_ascii=False)
    event_id = new_event_id()
    session.add_all(
        WebhookDelivery(
            endpoint_id=row.id,
            event_id=event_id,
            event_type=name,
            payload=payload,
            state="pending",
            tries=0,
            next_at=now,
            created_at=now,
            log=[],
        )
        for row in wanting
    )
    return len(wanting)


def _about_message(session: Session, message: Message, event: WebhookEvent, name: str) -> dict[str, Any]:
    meta = session.scalar(select(Content.meta).where(Content.message_id == message.id)) or {}
    tags = meta.get("tags") or []
    return {
        "email_id": message.id,
        "message_id": message.header_message_id,
        "created_at": iso(message.created_at),
        "from": message.from_header,
        "to": list(meta.get("to") or [message.to_header]),
        "subject": message.subject[:_LONGEST],
        "tags": {tag["name"]: tag["value"] for tag in tags if "name" in tag and "value" in tag},
        # Resend does not say which of several recipients an event is about.
        "recipient": event.data.get("recipient"),
        **details(name, event.data),
    }


def _plain(event: WebhookEvent) -> dict[str, Any]:
    hidden = {"project_id", "message_id", "recipient"}
    data = {key: value for key, value in event.data.items() if key not in hidden}
    if event.data.get("message_id"):
        data["source_id"] = event.data["message_id"]
    return data
