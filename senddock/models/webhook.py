"""Events that are told to applications over HTTP: the endpoints, the outbox of events, and each delivery."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId

_DUE = text("next_at IS NOT NULL")


class WebhookEndpoint(Base):
    """An address that wants to hear of events. The signing secrets are stored sealed."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    url: Mapped[str]
    #: Only events of this project; ``None`` for all.
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    #: Names of the events that are wanted; empty for all.
    events: Mapped[list[str]] = mapped_column(default=list)
    secret_sealed: Mapped[str]
    #: The secret before the newest rotation, used beside the new one until ``previous_until``.
    previous_sealed: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    #: The operator said in words that it stands on a private network.
    private_network: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    disabled_why: Mapped[str | None]
    #: Since when every delivery has failed; ``None`` after a success.
    failing_since: Mapped[datetime | None]
    #: Nothing is delivered before this moment: it asked for a pause, or it did not answer.
    held_until: Mapped[datetime | None]


class WebhookEvent(Base):
    """Something that happened, written in the transaction of what happened, until it is turned into deliveries."""

    __tablename__ = "webhook_event"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    #: A delivery's new state, or the name of an event that is not about a delivery.
    kind: Mapped[str]
    delivery_id: Mapped[int | None] = mapped_column(BigId)
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)


class WebhookDelivery(Base):
    """One event for one endpoint. ``next_at`` is set exactly while it has to be sent (it is the queue)."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_due", "endpoint_id", "next_at", sqlite_where=_DUE, postgresql_where=_DUE),
        Index(None, "endpoint_id", "id"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    #: Sent as ``webhook-id``: the same for every try and every replay.
    event_id: Mapped[str]
    event_type: Mapped[str]
    #: The exact text that is signed and sent.
    payload: Mapped[str]
    #: ``pending``, ``delivered`` or ``failed``.
    state: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    #: While a worker sends it, nobody else does.
    claimed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    #: Each try: when, the HTTP status or what went wrong, and how long it took.
    log: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
