"""An SMTP account the operator brings, and the durable copy of its health."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId


class Provider(Base):
    """One SMTP account. The password is stored sealed (AES-256-GCM) and never leaves the process that signs in."""

    __tablename__ = "provider"
    __table_args__ = (
        # At most one default among those that are not deleted.
        Index(
            "uq_provider_default",
            "is_default",
            unique=True,
            sqlite_where=text("is_default AND deleted_at IS NULL"),
            postgresql_where=text("is_default AND deleted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str]
    #: Key of the catalogue entry the form was filled from, or ``None``.
    preset: Mapped[str | None]
    host: Mapped[str]
    port: Mapped[int]
    #: ``starttls``, ``ssl`` or ``none``.
    encryption: Mapped[str]
    username: Mapped[str | None]
    password_sealed: Mapped[str | None]
    password_fingerprint: Mapped[str | None]
    password_set_at: Mapped[datetime | None]
    from_email: Mapped[str]
    from_name: Mapped[str | None]
    #: ``any`` (the provider judges), ``own`` (own From domain and ``extra_domains`` only) or ``rewrite``.
    from_policy: Mapped[str] = mapped_column(default="any")
    extra_domains: Mapped[list[str]] = mapped_column(default=list)
    priority: Mapped[int] = mapped_column(default=1)
    is_default: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    #: The operator said in words that mail may travel unencrypted to a public host.
    plain_confirmed: Mapped[bool] = mapped_column(default=False)

    per_second: Mapped[int | None]
    per_minute: Mapped[int | None]
    per_hour: Mapped[int | None]
    per_day: Mapped[int | None]
    per_month: Mapped[int | None]
    #: Hour (0-23) at which the daily allowance starts anew in ``day_zone``; ``None`` is a rolling 24 hours.
    day_reset_hour: Mapped[int | None]
    day_zone: Mapped[str | None]
    #: Share of the daily allowance kept for transactional streams, in per cent.
    transactional_reserve: Mapped[int] = mapped_column(default=10)
    max_connections: Mapped[int | None]
    messages_per_connection: Mapped[int | None]
    recipients_per_message: Mapped[int | None]
    max_message_bytes: Mapped[int | None]
    #: Seconds by stage where they differ from the defaults.
    timeouts: Mapped[dict[str, Any]] = mapped_column(default=dict)

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    #: A deleted provider keeps its row so that history and statistics keep its name; its password is erased.
    deleted_at: Mapped[datetime | None]


class BreakerState(Base):
    """Mirror of a breaker in Redis, so that an emptied Redis starts from what was known.

    ``domain`` is empty for the whole provider, or the From domain the provider refuses.
    """

    __tablename__ = "breaker_state"

    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id", ondelete="CASCADE"), primary_key=True)
    domain: Mapped[str] = mapped_column(primary_key=True, default="")
    state: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class SlowdownState(Base):
    """A provider that said "too fast": its pace was halved, and grows back by itself."""

    __tablename__ = "slowdown"

    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id", ondelete="CASCADE"), primary_key=True)
    #: Messages a second just after the halving, and before the first one.
    pace: Mapped[float]
    full_pace: Mapped[float]
    since: Mapped[datetime]


class Incident(Base):
    """A span in which a provider's breaker was open."""

    __tablename__ = "incident"
    __table_args__ = (Index(None, "provider_id", "opened_at"), Index(None, "closed_at"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id", ondelete="CASCADE"))
    domain: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    verdict_class: Mapped[str]
    text: Mapped[str]


class ConnectionTest(Base):
    """One run of Test Connection: what was asked, and the report as it grows stage by stage.

    ``sealed_settings`` holds the tried settings with the password sealed; it is erased when the run ends.
    """

    __tablename__ = "connection_test"

    id: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id", ondelete="CASCADE"))
    sealed_settings: Mapped[str | None]
    recipient: Mapped[str | None]
    #: ``waiting``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
    state: Mapped[str]
    report: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
