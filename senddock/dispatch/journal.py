"""Reading the log: one message's whole story, and the state of the queue."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from senddock.dispatch.dot_marks import attempts_in_flight
from senddock.dispatch.providers import in_order, state_of
from senddock.dispatch.waiting import waiting
from senddock.domain.breaker import Breaker
from senddock.domain.error_help import help_for_attempt
from senddock.domain.message_id import is_id
from senddock.domain.status import LAST_EVENT, Status
from senddock.models import ApiKey, Attempt, BreakerState, Content, Delivery, Event, Message, Provider, Stream, Worker

_BREAKERS = select(BreakerState.provider_id, BreakerState.state).where(BreakerState.domain == "")
_PROVIDER_NAMES = select(Provider.id, Provider.name)
_KEY_NAMES = select(ApiKey.id, ApiKey.name).order_by(ApiKey.id)
_STREAM_NAMES = select(Stream.id, Stream.name)


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about one message but its bytes."""

    message: Message
    stream: Stream
    key_name: str | None
    deliveries: Sequence[Delivery]
    attempts: Sequence[Attempt]
    events: Sequence[Event]
    meta: dict[str, Any]

    def status_of(self, delivery: Delivery) -> str:
        """The delivery's state as it is shown: pending ones of a message that a worker holds are being sent."""
        if self.message.worker_id is not None and delivery.status in ("queued", "deferred", "scheduled"):
            return Status.SENDING.value
        return delivery.status


def key_names(session: Session) -> dict[int, str]:
    """Names of all API keys, revoked ones too."""
    return {row[0]: row[1] for row in session.connection().execute(_KEY_NAMES)}


def story(session: Session, message_id: str) -> Story | None:
    """One message, or ``None``."""
    message = session.get(Message, message_id) if is_id(message_id) else None
    if message is None:
        return None
    stream = session.get(Stream, message.stream_id)
    assert stream is not None
    key_name = (
        session.scalar(select(ApiKey.name).where(ApiKey.id == message.api_key_id)) if message.api_key_id else None
    )
    meta = session.scalar(select(Content.meta).where(Content.message_id == message_id))
    attempts = list(session.scalars(select(Attempt).where(Attempt.message_id == message_id).order_by(Attempt.number)))
    if message.worker_id is not None:
        attempts += attempts_in_flight(session, message_id, message.worker_id, message.fence)
    return Story(
        message=message,
        stream=stream,
        key_name=key_name,
        deliveries=session.scalars(
            select(Delivery).where(Delivery.message_id == message_id).order_by(Delivery.id)
        ).all(),
        attempts=attempts,
        events=session.scalars(select(Event).where(Event.message_id == message_id).order_by(Event.id)).all(),
        meta=meta or {},
    )


def raw_of(session: Session, message_id: str) -> bytes | None:
    """The stored bytes, or ``None`` when they have been pruned."""
    return session.scalar(select(Content.raw).where(Content.message_id == message_id))


def story_json(found: Story) -> dict[str, Any]:
    """The outward shape of one message."""
    message = found.message
    return {
        "id": message.id,
        "last_event": LAST_EVENT[Status(message.state)],
        "state": message.state,
        "stream": found.stream.name,
        "from": message.from_header,
        "subject": message.subject,
        "message_id": message.header_message_id,
        "created_at": message.created_at.isoformat(),
        "next_attempt_at": message.due_at.isoformat() if message.due_at else None,
        "reason": message.reason,
        "plan": message.plan,
        "via": message.via,
        "warnings": found.meta.get("warnings", []),
        "deliveries": [
            {
                "recipient": delivery.recipient,
                "status": found.status_of(delivery),
                "class": delivery.verdict_class,
                "reply": reply_line(delivery),
                "next_attempt_at": delivery.next_attempt_at.isoformat() if delivery.next_attempt_at else None,
            }
            for delivery in found.deliveries
        ],
        "attempts": [attempt_json(attempt) for attempt in found.attempts],
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """The outward shape of one attempt."""
    in_doubt = attempt.dot_at is not None and attempt.finished_at is None
    return {
        "number": attempt.number,
        "provider": attempt.provider_name,
        "provider_id": attempt.provider_id,
        "started_at": attempt.started_at.isoformat(),
        "duration_ms": attempt.duration_ms,
        "stage": attempt.stage or ("final_dot" if in_doubt else None),
        "class": attempt.verdict_class,
        "code": attempt.code,
        "enhanced": attempt.enhanced,
        "text": attempt.text,
        "fail_over": attempt.fail_over,
        "tls": attempt.tls,
        "help": _help_json(attempt),
        "rule": attempt.rule,
        "plan": attempt.plan,
        "detail": attempt.detail,
    }


def _help_json(attempt: Attempt) -> dict[str, str] | None:
    told = help_for_attempt(attempt.verdict_class, attempt.rule) if attempt.verdict_class != "accepted" else None
    return {**asdict(told), "guide": f"/guides/{told.guide}"} if told is not None else None


def reply_line(row: Delivery | Attempt) -> str | None:
    """Code, enhanced code and text as one line."""
    parts = [str(row.code) if row.code is not None else "", row.enhanced or "", row.text or ""]
    return " ".join(part for part in parts if part) or None


def breakers(session: Session) -> dict[int, Breaker]:
    """The durable copy of each provider's breaker."""
    return {row[0]: Breaker.from_json(row[1]) for row in session.connection().execute(_BREAKERS)}


def provider_names(session: Session) -> dict[int, str]:
    """Names of all providers, deleted ones too, for showing history."""
    return {row[0]: row[1] for row in session.connection().execute(_PROVIDER_NAMES)}


def stream_names(session: Session) -> dict[int, str]:
    """Names of all streams."""
    return {row[0]: row[1] for row in session.connection().execute(_STREAM_NAMES)}


def queue_status(session: Session, now: datetime) -> dict[str, Any]:
    """How many wait, how long the oldest has waited, how the providers are, and how many workers are alive."""
    found, states = waiting(session, now), breakers(session)
    workers = session.scalar(
        select(func.count())
        .select_from(Worker)
        .where(Worker.stopped_at.is_(None), Worker.heartbeat_at > now - timedelta(seconds=15))
    )
    return {
        "queue": {name: getattr(found, name) for name in ("queued", "deferred", "sending", "uncertain")},
        "oldest_queued_seconds": found.oldest_seconds,
        "providers": [
            {"id": row.id, "name": row.name, "state": state_of(row, states.get(row.id))} for row in in_order(session)
        ],
        "workers": workers or 0,
    }
