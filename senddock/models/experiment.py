"""An A/B test between providers on one stream, and what it counted."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId


class Experiment(Base):
    """``arms`` is a list of ``{"provider_id", "share"}``, shares in per cent of the stream's recipients."""

    __tablename__ = "experiment"
    __table_args__ = (Index(None, "stream_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("stream.id", ondelete="CASCADE"))
    name: Mapped[str]
    arms: Mapped[list[dict[str, Any]]]
    #: What decides: a key of `senddock.domain.experiment_verdict.METRICS`.
    metric: Mapped[str]
    #: Recipients each arm needs before a winner may be named.
    minimum: Mapped[int]
    starts_at: Mapped[datetime]
    #: Moved to the moment at which a person ends it early.
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]


class ExperimentRecipient(Base):
    """A recipient that was counted, by a hash of the address; one row each, so that nobody is counted twice."""

    __tablename__ = "experiment_recipient"

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"), primary_key=True)
    recipient_hash: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    #: The arm, whoever carried the message in the end.
    provider_id: Mapped[int]
    mailbox: Mapped[str]
    #: ``bounced`` or ``complained`` once that has been reported.
    evidence: Mapped[str | None]


class ExperimentResult(Base):
    """Recipients by arm, mailbox provider, outcome and latency; what pages read."""

    __tablename__ = "experiment_result"

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"), primary_key=True)
    provider_id: Mapped[int] = mapped_column(primary_key=True)
    mailbox: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    #: Upper bound of the latency bucket in milliseconds; 0 for what was not accepted.
    bucket: Mapped[int] = mapped_column(primary_key=True)
    recipients: Mapped[int]
