"""Who may come in: people with their sessions, applications with their keys, one-time links."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId


class User(Base):
    """A person who operates the panel."""

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    totp_sealed: Mapped[str | None]
    #: The time step of the newest one-time password that was accepted: none works twice (RFC 6238 section 5.2).
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    recovery_hashes: Mapped[list[str]] = mapped_column(default=list)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]


class UserSession(Base):
    """One signed-in browser; the cookie holds the token, the row its SHA-256."""

    __tablename__ = "user_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    #: When the person last proved the password; secrets may be changed for a while after it.
    confirmed_at: Mapped[datetime]
    address: Mapped[str | None]
    agent: Mapped[str | None]


class ApiKey(Base):
    """What an application signs in with, over HTTP and at the SMTP door. Only the token's SHA-256 is stored."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: The stream meant when a submission names none; with it set, only it and ``other_stream_ids`` may be used.
    stream_id: Mapped[int | None] = mapped_column(ForeignKey("stream.id"))
    other_stream_ids: Mapped[list[int]] = mapped_column(default=list)
    token_hash: Mapped[str] = mapped_column(unique=True)
    prefix: Mapped[str]
    #: ``full`` or ``sending``.
    scope: Mapped[str] = mapped_column(default="full")
    from_domains: Mapped[list[str]] = mapped_column(default=list)
    networks: Mapped[list[str]] = mapped_column(default=list)
    per_second: Mapped[int | None]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OneTimeToken(Base):
    """A link that works once: the setup link of the first boot, an invitation, a forgotten password."""

    __tablename__ = "one_time_token"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    #: Whom the link is for; the setup link is for whoever reads the console.
    email: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class IdempotencyRecord(Base):
    """What a key was answered for a submission, kept 24 hours; written in the same transaction as the messages."""

    __tablename__ = "idempotency_record"

    api_key_id: Mapped[int] = mapped_column(primary_key=True)
    endpoint: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    response: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
