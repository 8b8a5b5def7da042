"""Reading the log: pages of messages by key, one message's whole story, and the state of the queue."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from senddock.dispatch.dot_marks import attempts_in_flight
from senddock.dispatch.providers import state_of
from senddock.domain.breaker import Breaker
from senddock.domain.error_help import help_for_attempt
from senddock.domain.log_filter import LogFilter
from senddock.domain.message_id import first_id_of
from senddock.domain.status import LAST_EVENT, Status
from senddock.models import ApiKey, Attempt, BreakerState, Content, Delivery, Event, Message, Provider, Stream, Worker
from senddock.models.message import RARE_CONDITION, RARE_STATES

_SOFT = ("recipient_transient", "greylisted")
#: Messages that one page looks through for what no index answers.
WALK = 20_000


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, the newest first, and whether there are more on either side."""

    rows: Sequence[Message]
    older: str | None
    newer: str | None


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


def page(
    session: Session, chosen: LogFilter, *, before: str | None = None, after: str | None = None, limit: int = 50
) -> Page:
    """One page: the messages before (older than) or after (newer than) an id, or the newest.

    What no index answers is searched for in the newest `WALK` messages; ``older`` then goes on from there.
    """
    query = _filtered(chosen)
    if after is not None:
        rows = list(session.scalars(query.where(Message.id > after).order_by(Message.id).limit(limit + 1)))
        more = len(rows) > limit
        rows = rows[:limit][::-1]
        return Page(rows, rows[-1].id if rows else None, rows[0].id if more and rows else None)
    floor = _floor(session, chosen, before) if chosen.walks else None
    if before is not None:
        query = query.where(Message.id < before)
    if floor is not None:
        query = query.where(Message.id >= floor)
    rows = list(session.scalars(query.order_by(Message.id.desc()).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    older = rows[-1].id if more else floor
    return Page(rows, older, (rows[0].id if rows else before) if before is not None else None)


def _floor(session: Session, chosen: LogFilter, before: str | None) -> str | None:
    """The id down to which one page searches; ``None`` when that is everything."""
    query = select(Message.id).order_by(Message.id.desc())
    if before is not None:
        query = query.where(Message.id < before)
    if chosen.until is not None:
        query = query.where(Message.id < first_id_of(chosen.until))
    return session.scalar(query.offset(WALK).limit(1))


def newer_than(session: Session, chosen: LogFilter, message_id: str, limit: int = 100) -> Sequence[Message]:
    """Messages that came after ``message_id``, the newest first; for the live tail."""
    query = _filtered(chosen).where(Message.id > message_id).order_by(Message.id.desc()).limit(limit)
    return session.scalars(query).all()


def changed(session: Session, shown: Sequence[str]) -> Sequence[Message]:
    """Those of ``shown`` (``id:state:attempts``) that went on since they were shown."""
    known = {text.split(":")[0]: text for text in shown if text.count(":") == 2}
    if not known:
        return []
    rows = session.scalars(select(Message).where(Message.id.in_(known)))
    return [row for row in rows if known[row.id] != f"{row.id}:{row.state}:{row.attempts}"]


def key_names(session: Session) -> dict[int, str]:
    """Names of all API keys, revoked ones too."""
    return {row[0]: row[1] for row in session.execute(select(ApiKey.id, ApiKey.name).order_by(ApiKey.id)).all()}


def named(session: Session, text: str, limit: int = 8) -> Sequence[Message]:
    """Messages by their id or by recipient: only what an index answers, because it is asked with every letter."""
    wanted = text.strip().lower()
    if "@" in wanted:
        ids = select(Delivery.message_id).where(Delivery.recipient == wanted).order_by(Delivery.message_id.desc())
        query = select(Message).where(Message.id.in_(ids.limit(limit)))
    elif len(wanted) == 36 and wanted.count("-") == 4:
        query = select(Message).where(Message.id == wanted)
    else:
        return []
    return session.scalars(query.order_by(Message.id.desc()).limit(limit)).all()


def story(session: Session, message_id: str) -> Story | None:
    """One message, or ``None``."""
    message = session.get(Message, message_id) if len(message_id) == 36 else None
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
    rows = session.scalars(select(BreakerState).where(BreakerState.domain == ""))
    return {row.provider_id: Breaker.from_json(row.state) for row in rows}


def provider_names(session: Session) -> dict[int, str]:
    """Names of all providers, deleted ones too, for showing history."""
    return {row[0]: row[1] for row in session.execute(select(Provider.id, Provider.name)).all()}


def stream_names(session: Session) -> dict[int, str]:
    """Names of all streams."""
    return {row[0]: row[1] for row in session.execute(select(Stream.id, Stream.name)).all()}


def queue_status(session: Session, now: datetime) -> dict[str, Any]:
    """How many wait, how long the oldest has waited, how the providers are, and how many workers are alive."""
    counts = dict.fromkeys(("queued", "deferred", "sending", "uncertain"), 0)
    due = Message.due_at.is_not(None)
    waiting = session.execute(select(Message.state, func.count()).where(due).group_by(Message.state))
    for state, number in waiting:
        counts["deferred" if state == Status.DEFERRED.value else "queued"] += number
    counts["sending"] = session.scalar(select(func.count()).where(Message.worker_id.is_not(None))) or 0
    counts["uncertain"] = (
        session.scalar(select(func.count()).where(Message.state == Status.UNCERTAIN.value, RARE_CONDITION)) or 0
    )
    oldest = session.scalar(select(func.min(Message.due_at)).where(due, Message.due_at <= now))
    states = breakers(session)
    providers = session.scalars(
        select(Provider).where(Provider.deleted_at.is_(None)).order_by(Provider.priority, Provider.id)
    ).all()
    workers = session.scalar(
        select(func.count())
        .select_from(Worker)
        .where(Worker.stopped_at.is_(None), Worker.heartbeat_at > now - timedelta(seconds=15))
    )
    return {
        "queue": counts,
        "oldest_queued_seconds": round((now - oldest).total_seconds(), 1) if oldest else None,
        "providers": [
            {"id": row.id, "name": row.name, "state": state_of(row, states.get(row.id))} for row in providers
        ],
        "workers": workers or 0,
    }


def _filtered(chosen: LogFilter) -> Select[Message]:
    conditions: list[Any] = []
    if chosen.state:
        conditions.append(Message.state == chosen.state)
        if chosen.state in RARE_STATES:
            conditions.append(RARE_CONDITION)
    if chosen.provider is not None:
        conditions.append(Message.provider_id == chosen.provider)
    if chosen.stream is not None:
        conditions.append(Message.stream_id == chosen.stream)
    if chosen.key is not None:
        conditions.append(Message.api_key_id == chosen.key)
    if chosen.verdict:
        conditions.append(Message.last_class == chosen.verdict)
    if chosen.fallback:
        conditions.append(Message.failed_over)
    if chosen.soft_bounce:
        conditions.append(Message.last_class.in_(_SOFT))
    if chosen.delayed:
        conditions.append(or_(Message.state == Status.DEFERRED.value, Message.rounds > 0))
    if chosen.since is not None:
        conditions.append(Message.id >= first_id_of(chosen.since))
    if chosen.until is not None:
        conditions.append(Message.id < first_id_of(chosen.until))
    if chosen.text:
        conditions.append(_matches(chosen.text))
    return select(Message).where(and_(*conditions)) if conditions else select(Message)


def _matches(text: str) -> Any:
    if len(text) == 36 and text.count("-") == 4:
        return Message.id == text.lower()
    if "@" in text:
        if text.startswith("<"):
            return Message.header_message_id == text
        # An address is looked up in its index; only a part of one is searched for in what lists show.
        return Message.id.in_(select(Delivery.message_id).where(Delivery.recipient == text))
    return or_(
        Message.subject.icontains(text, autoescape=True),
        Message.to_header.icontains(text, autoescape=True),
        Message.from_header.icontains(text, autoescape=True),
    )
