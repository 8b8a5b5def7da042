"""The outbox: a message with its content, and one delivery for each recipient."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from senddock.models.base import Base, BigId, Uid

# Listing by a rare state must not walk past millions of accepted messages, and moving through the common states
# (queued, sending, accepted) must not cost an index update each.
#: States that few messages are in. A query by one of them has to carry `RARE_CONDITION` too: SQLite uses a partial
#: index only for a query that repeats the index's own condition.
RARE_STATES = frozenset({"deferred", "failed", "expired", "uncertain", "canceled", "suppressed", "scheduled"})
RARE_CONDITION = text("state IN ('deferred','failed','expired','uncertain','canceled','suppressed','scheduled')")
#: What a person asks for by class: accepted messages do not touch these indexes. The same holds for their queries.
CLASS_CONDITION = text("last_class <> 'accepted'")
SOFT_CONDITION = text("last_class IN ('recipient_transient','greylisted')")
FALLBACK_CONDITION = text("failed_over")
DELAYED_CONDITION = text("(state = 'deferred' OR rounds > 1)")
_DUE = text("due_at IS NOT NULL")
_HELD = text("worker_id IS NOT NULL")
_PINNED = text("pinned_provider_id IS NOT NULL AND due_at IS NOT NULL")
_TRIED = text("provider_id IS NOT NULL")


class Message(Base):
    """Immutable envelope and summary of the content, plus where the engine stands with it.

    ``due_at`` is set exactly while the engine has to act (it is the queue); ``worker_id`` exactly while a worker
    holds it. ``fence`` grows with every claim: a holder whose fence is old has lost the message.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("ix_message_due", "stream_id", "due_at", sqlite_where=_DUE, postgresql_where=_DUE),
        Index("ix_message_held", "worker_id", sqlite_where=_HELD, postgresql_where=_HELD),
        Index("ix_message_state", "state", "id", sqlite_where=RARE_CONDITION, postgresql_where=RARE_CONDITION),
        Index("ix_message_class", "last_class", "id", sqlite_where=CLASS_CONDITION, postgresql_where=CLASS_CONDITION),
        Index("ix_message_soft_bounce", "id", sqlite_where=SOFT_CONDITION, postgresql_where=SOFT_CONDITION),
        Index("ix_message_delayed", "id", sqlite_where=DELAYED_CONDITION, postgresql_where=DELAYED_CONDITION),
        Index("ix_message_fallback", "id", sqlite_where=FALLBACK_CONDITION, postgresql_where=FALLBACK_CONDITION),
        # A message has no provider before its first attempt: it is entered once and not twice.
        Index("ix_message_provider", "provider_id", "id", sqlite_where=_TRIED, postgresql_where=_TRIED),
        # What waits for one provider by a person's word: nearly no message is entered.
        Index("ix_message_pinned", "pinned_provider_id", sqlite_where=_PINNED, postgresql_where=_PINNED),
        Index(None, "header_message_id"),
    )

    id: Mapped[str] = mapped_column(Uid, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    stream_id: Mapped[int] = mapped_column(ForeignKey("stream.id"))
    created_at: Mapped[datetime]
    #: ``api``, ``smtp``, ``panel`` or ``cli``.
    via: Mapped[str]
    api_key_id: Mapped[int | None]

    sender: Mapped[str | None]
    from_domain: Mapped[str | None]
    from_header: Mapped[str | None]
    #: The first recipient as shown in lists; ``recipient_count`` says how many there are.
    to_header: Mapped[str]
    recipient_count: Mapped[int]
    subject: Mapped[str]
    header_message_id: Mapped[str]
    size: Mapped[int]
    needs_8bit: Mapped[bool] = mapped_column(default=False)
    needs_smtputf8: Mapped[bool] = mapped_column(default=False)

    state: Mapped[str]
    due_at: Mapped[datetime | None]
    scheduled_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    worker_id: Mapped[int | None]
    fence: Mapped[int] = mapped_column(default=0)

    attempts: Mapped[int] = mapped_column(default=0)
    rounds: Mapped[int] = mapped_column(default=0)
    #: The provider of the newest attempt, and a provider a person asked for.
    provider_id: Mapped[int | None]
    pinned_provider_id: Mapped[int | None]
    failed_over: Mapped[bool] = mapped_column(default=False)
    last_class: Mapped[str | None]
    last_code: Mapped[int | None]
    #: Why it waits, in words, while it waits.
    reason: Mapped[str | None]
    #: While it waits for a provider: every provider and why it was left out, as decided last.
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    finished_at: Mapped[datetime | None]


class Content(Base):
    """The bytes: RFC 5322 with CRLF line ends, without Bcc; ``From`` may be absent until a provider is chosen."""

    __tablename__ = "content"

    message_id: Mapped[str] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    #: Recipients by header (to, cc, bcc), reply_to and tags, as submitted.
    meta: Mapped[dict[str, Any]]


class Delivery(Base):
    """One message to one recipient."""

    __tablename__ = "delivery"
    __table_args__ = (Index(None, "message_id"), Index(None, "recipient", "message_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"))
    recipient: Mapped[str]
    status: Mapped[str]
    next_attempt_at: Mapped[datetime | None]
    #: Counted towards the schedule of retries; a wait for a limit is not counted.
    tries: Mapped[int] = mapped_column(default=0)
    #: The provider that must be used for the next try (greylisting, a full mailbox, an uncertain outcome).
    sticky_provider_id: Mapped[int | None]
    verdict_class: Mapped[str | None]
    code: Mapped[int | None]
    enhanced: Mapped[str | None]
    text: Mapped[str | None]
    finished_at: Mapped[datetime | None]
