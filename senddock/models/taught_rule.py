"""Rules that operators taught, and those that were taken back."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId


class TaughtRule(Base):
    """One rule, asked before those that come with the product. A row with ``removed_at`` is history."""

    __tablename__ = "taught_rule"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    #: Words with ``*`` between them; see `senddock.domain.taught_rule`.
    pattern: Mapped[str]
    verdict_class: Mapped[str]
    #: Catalogue key: only for providers of this kind.
    preset: Mapped[str | None]
    pause: Mapped[bool] = mapped_column(default=False)
    hint: Mapped[str | None]
    #: The attempt from which it was taught.
    message_id: Mapped[str | None]
    attempt: Mapped[int | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str | None]
