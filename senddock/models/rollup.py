"""Statistics as they grow: rows the recorder adds to in the transaction of the outcomes they count.

Their number follows from time, streams, providers and classes, never from the number of messages.
"""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base


class HourlyRollup(Base):
    """Attempts and recipients by hour.

    ``attempts``, ``failed_over`` and ``duration_ms`` stand in the row of the attempt's own class, ``recipients`` in the
    row of each recipient's class, so every attempt and every answered recipient is counted once.
    """

    __tablename__ = "rollup_hour"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    stream_id: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(primary_key=True)
    verdict_class: Mapped[str] = mapped_column(primary_key=True)
    recipients: Mapped[int]
    attempts: Mapped[int]
    #: Attempts that were handed to another provider afterwards, and milliseconds of all together.
    failed_over: Mapped[int]
    duration_ms: Mapped[float]


class DomainRollup(Base):
    """Recipients by day (UTC) and recipient domain; ``other`` for the domains that are not counted by name."""

    __tablename__ = "rollup_domain"

    day: Mapped[datetime] = mapped_column(primary_key=True)
    stream_id: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(primary_key=True)
    verdict_class: Mapped[str] = mapped_column(primary_key=True)
    recipients: Mapped[int]


class LatencyRollup(Base):
    """Histogram of the time to acceptance by hour: ``bucket`` is the upper bound in milliseconds."""

    __tablename__ = "rollup_latency"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    stream_id: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    attempts: Mapped[int]
