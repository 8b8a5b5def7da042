"""What happened to a message that is not an SMTP attempt: submission, a person's action, evidence from a provider."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId


class Event(Base):
    """One line of a message's story. ``kind`` is one of the names in the glossary (``submitted``, ``canceled`` …)."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "message_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"))
    recipient: Mapped[str | None]
    kind: Mapped[str]
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
