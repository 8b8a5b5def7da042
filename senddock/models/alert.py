"""What needs a person."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId

_OPEN = text("closed_at IS NULL")


class Alert(Base):
    """One thing that needs a person, from the moment it was seen until it was over.

    ``key`` names the thing (``auth:3``, ``domain:acme.com``): while one is open, the same thing opens no second one.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index("uq_alert_open", "key", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(None, "opened_at"),
        Index(None, "closed_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str]
    #: ``no_worker``, ``queue``, ``breaker``, ``auth``, ``sender``, ``quota``, ``password``, ``domain`` or ``webhook``.
    kind: Mapped[str]
    #: ``error`` or ``warn``.
    severity: Mapped[str]
    #: In English, as it goes into e-mails and webhooks.
    title: Mapped[str]
    text: Mapped[str]
    #: Title and text as `senddock.domain.saying.Saying.to_json`; ``None`` on alerts older than this.
    words: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    #: Where in the panel it is mended, or empty.
    link: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    #: When people were told by e-mail or webhook; ``None`` while that is still to be done.
    notified_at: Mapped[datetime | None]
