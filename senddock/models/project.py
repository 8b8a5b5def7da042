"""Who sends (project), through which named channel (stream), over which providers (route)."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId


class Project(Base):
    """An application that sends. A single-project install has one and never sees the word."""

    __tablename__ = "project"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Stream(Base):
    """A named channel of a project. ``kind`` is ``transactional`` or ``marketing`` and decides order and patience."""

    __tablename__ = "stream"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    kind: Mapped[str]
    #: What happens to an uncertain delivery: ``retry_same`` (once, same provider, same bytes) or ``hold``.
    on_uncertain: Mapped[str]
    #: First and longest pause between rounds and the age at which a delivery expires, in seconds.
    retry_first_seconds: Mapped[int]
    retry_longest_seconds: Mapped[int]
    max_age_seconds: Mapped[int]
    #: How long a rate-limited message waits for its provider before it goes to the next one, in seconds.
    patience_seconds: Mapped[int]
    created_at: Mapped[datetime]


class Route(Base):
    """Stream to provider, with priority (1 first) and weight (share inside one priority).

    A stream without routes uses every enabled provider by the provider's own priority.
    """

    __tablename__ = "route"
    __table_args__ = (UniqueConstraint("stream_id", "provider_id"), Index(None, "provider_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("stream.id", ondelete="CASCADE"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id", ondelete="CASCADE"))
    priority: Mapped[int]
    weight: Mapped[int] = mapped_column(default=100)
