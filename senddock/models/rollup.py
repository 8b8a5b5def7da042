"""Statistics as they grow: rows the recorder adds to in the transaction of the outcomes they count.

Their number follows from time, streams, providers and classes, never from the number of messages.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base

#: A query that is to use the index has to repeat this.
SUCCESS_CONDITION = text("verdict_class = 'accepted'")


class HourlyRollup(Base):
    """Attempts and recipients by hour.

    ``attempts``, ``failed_over`` and ``duration_ms`` stand in the row of the attempt's own class, ``recipients`` in the
    row of each recipient's class, so every attempt and every answered recipient is counted once.
    """

    __tablename__ = "rollup_hour"
    #: When a provider last accepted something. Rows are added to without touching it: a new row an hour pays.
    __table_args__ = (
        Index(
            "ix_rollup_hour_success",
            "provider_id",
            "hour",
            sqlite_where=SUCCESS_CONDITION,
            postgresql_where=SUCCESS_CONDITION,
        ),
    )

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


_ONE_TREE = {"sqlite_with_rowid": False}


class BlockRollup(Base):
    """`HourlyRollup` of a block of hours that are over: ``hours`` from ``start``. No row counts without its seal."""

    __tablename__ = "rollup_block"
    __table_args__ = _ONE_TREE

    hours: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    stream_id: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(primary_key=True)
    verdict_class: Mapped[str] = mapped_column(primary_key=True)
    recipients: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(BigInteger)
    failed_over: Mapped[int] = mapped_column(BigInteger)
    duration_ms: Mapped[float]


class LatencyBlock(Base):
    """`LatencyRollup` of a block of hours."""

    __tablename__ = "rollup_block_latency"
    __table_args__ = _ONE_TREE

    hours: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    stream_id: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    attempts: Mapped[int] = mapped_column(BigInteger)


class DomainBlock(Base):
    """`DomainRollup` of a day that is over, and its sums: a ``stream_id`` or ``provider_id`` of 0 is all of them."""

    __tablename__ = "rollup_block_domain"
    __table_args__ = _ONE_TREE

    stream_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    provider_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[datetime] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(primary_key=True)
    verdict_class: Mapped[str] = mapped_column(primary_key=True)
    recipients: Mapped[int] = mapped_column(BigInteger)


class SealedBlock(Base):
    """A block that is whole. It goes when something is counted for one of its hours, and the block is made anew."""

    __tablename__ = "rollup_sealed"
    __table_args__ = _ONE_TREE

    hours: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    #: Another one with each making of the block: what was read under it holds as long as it is here.
    seal: Mapped[str]
