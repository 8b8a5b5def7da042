"""What is handed over to be sent, and what its sender gets back (RFC 6409)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from senddock.domain.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Submission:
    """One message, checked and composed. Entry points build it; `Outbox.submit` stores it."""

    project_id: int
    stream_id: int
    #: ``api``, ``smtp``, ``panel`` or ``cli``.
    via: str
    envelope: Envelope
    #: RFC 5322 bytes with CRLF line ends and without Bcc; the From field may be absent.
    raw: bytes
    header_message_id: str
    subject: str
    #: The From field as a person reads it; ``None`` when the chosen provider's From is to be used.
    from_header: str | None
    #: The first recipient as lists show it.
    to_header: str
    #: Recipients by header (``to``, ``cc``, ``bcc``), ``reply_to`` and ``tags``, for showing the message later.
    meta: dict[str, Any] = field(default_factory=dict)
    from_domain: str | None = None
    #: Domains of all addresses in the From field, in ASCII; empty when there is no From field.
    from_domains: tuple[str, ...] = ()
    api_key_id: int | None = None
    needs_8bit: bool = False
    needs_smtputf8: bool = False
    scheduled_at: datetime | None = None
    #: An answer that comes later than this is of no use any more, such as a one-time password.
    expires_at: datetime | None = None
    pinned_provider_id: int | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's promise that the same key means the same submission; kept 24 hours."""

    api_key_id: int
    endpoint: str
    key: str
    #: Hash of the canonical body: the same key with another body is refused.
    body_hash: str
    #: What to answer, made from the new message ids, and repeated for the same key later.
    respond: Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that the messages are on disk."""

    ids: tuple[str, ...]
    #: The stored answer of an earlier submission with the same idempotency key; then nothing new was stored.
    replayed: str | None = None


class IdempotencyConflict(ValueError):
    """The key was used before with another body. Nothing was stored."""
