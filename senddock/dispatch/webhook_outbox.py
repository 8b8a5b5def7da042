"""What webhooks will tell, noted in the transaction of what happened; nothing is noted while nobody listens."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from senddock.models import WebhookEndpoint, WebhookEvent


def listening(connection: Connection) -> bool:
    """True when an endpoint is enabled."""
    return (
        connection.execute(select(WebhookEndpoint.id).where(WebhookEndpoint.disabled_at.is_(None)).limit(1)).first()
        is not None
    )


def note(connection: Connection, kind: str, now: datetime, data: Mapping[str, Any]) -> None:
    """Note an event that is not about one delivery."""
    if listening(connection):
        connection.execute(insert(WebhookEvent).values(kind=kind, at=now, delivery_id=None, data=dict(data)))
