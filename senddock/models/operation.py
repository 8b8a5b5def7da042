"""Rows that serve the running of the house: worker leases, settings, suppressions."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId


class Worker(Base):
    """A worker process. Its heartbeat is the lease of every message it holds."""

    __tablename__ = "worker"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]


class DotMark(Base):
    """The transactions of one worker whose final dot may have left and whose outcome is not on disk, as JSON.

    Text, because only `senddock.dispatch.dot_marks` writes and reads it, and writes it hundreds of times a second.
    """

    __tablename__ = "dot_mark"

    worker_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    marks: Mapped[str]


class Setting(Base):
    """A value the house keeps for itself (the vault's canary), or that the operator set in the panel."""

    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    updated_at: Mapped[datetime]


class Suppression(Base):
    """An address that must not be written to again."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("project_id", "address"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int]
    address: Mapped[str]
    #: ``bounce``, ``complaint`` or ``manual``.
    origin: Mapped[str]
    source_message_id: Mapped[str | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime]
