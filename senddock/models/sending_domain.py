"""The domains that mail is sent from, with what their DNS records were found to say."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base


class SendingDomain(Base):
    """One From domain, in its ASCII form, and the newest report on it."""

    __tablename__ = "sending_domain"

    name: Mapped[str] = mapped_column(primary_key=True)
    #: A person entered it; the others are known from providers and from what was sent.
    entered: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    #: Set while a check has been asked for and not begun.
    requested_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    #: ``pass``, ``warn``, ``fail`` or ``missing``; ``None`` before the first check.
    status: Mapped[str | None]
    #: `DomainReport.to_json` of the newest check, its providers keyed by their id.
    report: Mapped[dict[str, Any] | None]
    #: When the newest difference between two checks was seen, and what it was, as sentences.
    changed_at: Mapped[datetime | None]
    changes: Mapped[list[str]] = mapped_column(default=list)


class SenderRecord(Base):
    """What the operator knows of one provider's records for one domain: its DKIM selectors, its return-path label."""

    __tablename__ = "sender_record"

    domain: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id", ondelete="CASCADE"), primary_key=True)
    selectors: Mapped[list[str]] = mapped_column(default=list)
    return_path_label: Mapped[str | None]
