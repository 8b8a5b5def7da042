"""One SMTP transaction at one provider for one message."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base

#: A query for what went wrong has to repeat this, so that it can use the index; accepted attempts do not touch it.
REFUSED_CONDITION = text("verdict_class <> 'accepted'")


class Attempt(Base):
    """Key is message and number, so a second writer of the same attempt is a conflict and not a second row.

    It is written once, with its outcome; while its final dot may have left it is a line in its worker's `DotMark`. What of that
    no outcome replaced becomes a row with ``dot_at`` and without a known reply when the message is taken back: nobody can
    know its fate.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        Index(None, "provider_id", "started_at"),
        Index(
            "ix_attempt_refused",
            "provider_id",
            "started_at",
            sqlite_where=REFUSED_CONDITION,
            postgresql_where=REFUSED_CONDITION,
        ),
    )

    message_id: Mapped[str] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[int]
    #: As it was then: the provider may since have been renamed or deleted.
    provider_name: Mapped[str]
    started_at: Mapped[datetime]
    dot_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    duration_ms: Mapped[float | None]
    recipients: Mapped[int] = mapped_column(default=1)
    stage: Mapped[str | None]
    verdict_class: Mapped[str | None]
    code: Mapped[int | None]
    enhanced: Mapped[str | None]
    text: Mapped[str | None]
    rule: Mapped[str | None]
    fail_over: Mapped[bool] = mapped_column(default=False)
    tls: Mapped[str | None]
    #: Why this provider and why not the others, as decided then.
    plan: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: Milliseconds by stage, whether the session was reused, outcome by recipient when there are several.
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
