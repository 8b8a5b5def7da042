"""`/api/emails`: reading and changing what was submitted, in the shape of Resend's."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from senddock.api import bodies
from senddock.api.access import call, caller, services
from senddock.api.answers import AttemptList, DeliveryBody, Email, EmailList, EmailRow, ReplyHelp, Touched, answer, iso
from senddock.api.errors import ApiError, invalid
from senddock.api.mails import time_of
from senddock.api.schemas import Tag
from senddock.content.reading import read_parts
from senddock.dispatch import actions, journal, own_mail
from senddock.domain.error_help import help_for_attempt
from senddock.domain.status import LAST_EVENT, Status
from senddock.models import Message

bp = Blueprint("emails", __name__)
_LIMIT = 20


@bp.get("/emails")
def list_emails() -> Response:
    """The newest messages, by cursor."""
    caller().check_reading()
    for name in request.args:
        if name not in ("limit", "after", "before"):
            raise invalid(f"There is no parameter `{name}`: the list takes limit, after and before.", name)
    # Their "after" means further down the list, which is newest first: older messages.
    after, before = _cursor("after"), _cursor("before")
    if after and before:
        raise invalid("Give `after` or `before`, not both.", "after")
    given = _once("limit")
    text = str(_LIMIT) if given is None else given
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 100:
        raise invalid("`limit` is a number from 1 to 100.", "limit")
    with services().database.read() as session:
        page = own_mail.page(session, caller(), older_than=after, newer_than=before, limit=int(text))
        rows = [EmailRow(**_summary(row, meta)) for row, meta in page.rows]
    return answer(EmailList(has_more=page.has_more, data=rows))


@bp.get("/emails/<uuid:message_id>")
def get_email(message_id: UUID) -> Response:
    """One message with its content."""
    caller().check_reading()
    with services().database.read() as session:
        message = _own(session, message_id)
        story = journal.story(session, message.id)
        raw = journal.raw_of(session, message.id)
    assert story is not None
    parts = read_parts(raw) if raw is not None else None
    shown = journal.story_json(story)["deliveries"]
    return answer(
        Email(
            **_summary(message, story.meta),
            html=parts.html if parts else None,
            text=parts.text if parts else None,
            tags=[Tag(tag["name"], tag["value"]) for tag in story.meta.get("tags", [])],
            stream=story.stream.name,
            deliveries=[
                DeliveryBody(
                    row["recipient"],
                    row["status"],
                    row["reply"],
                    class_=row["class"],
                    next_attempt_at=row["next_attempt_at"],
                    help=_help(row["class"]),
                )
                for row in shown
            ],
            expires_at=iso(message.expires_at) if message.expires_at else None,
        )
    )


@bp.get("/emails/<uuid:message_id>/attempts")
def get_attempts(message_id: UUID) -> Response:
    """Every attempt, with stage, class and reply."""
    caller().check_reading()
    with services().database.read() as session:
        story = journal.story(session, _own(session, message_id).id)
    assert story is not None
    return answer(AttemptList(data=[journal.attempt_json(attempt) for attempt in story.attempts]))


@bp.patch("/emails/<uuid:message_id>")
def reschedule(message_id: UUID) -> Response:
    """Another time for a scheduled message."""
    caller().check_reading()
    at = time_of(bodies.new_time(call().body()).scheduled_at, "scheduled_at", datetime.now(UTC))
    assert at is not None
    uid = _existing(message_id)
    actions.reschedule(services().database, uid, at, by=caller().name)
    services().wake()
    return answer(Touched(uid))


@bp.post("/emails/<uuid:message_id>/cancel")
def cancel(message_id: UUID) -> Response:
    """Take a waiting message out of the queue. The body is not read: some SDKs send none with a JSON content type."""
    caller().check_reading()
    uid = _existing(message_id)
    actions.cancel(services().database, uid, by=caller().name)
    return answer(Touched(uid))


def _help(cls: str | None) -> ReplyHelp | None:
    told = help_for_attempt(cls, None) if cls != "accepted" else None
    if told is None:
        return None
    return ReplyHelp(told.title, told.happened, told.why, told.next_step, f"/guides/{told.guide}")


def _once(name: str) -> str | None:
    values = request.args.getlist(name)
    if len(values) > 1:
        raise invalid(f"Give `{name}` once.", name)
    return values[0] if values else None


def _cursor(name: str) -> str | None:
    text = _once(name)
    if text is None:
        return None
    try:
        return str(UUID(text))
    except ValueError as error:
        raise invalid(f"`{name}` is the id of a message.", name, "invalid_parameter") from error


def _own(session: Session, message_id: UUID) -> Message:
    message = own_mail.find(session, caller(), str(message_id))
    if message is None:
        raise ApiError(404, "not_found", "There is no email with this id.")
    return message


def _existing(message_id: UUID) -> str:
    with services().database.read() as session:
        return _own(session, message_id).id


def _summary(message: Message, meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": message.id,
        "message_id": message.header_message_id,
        "from_": message.from_header,
        "to": meta.get("to") or [message.to_header],
        "cc": meta.get("cc") or None,
        "bcc": meta.get("bcc") or None,
        "reply_to": meta.get("reply_to") or None,
        "subject": message.subject,
        "created_at": iso(message.created_at),
        "scheduled_at": iso(message.scheduled_at) if message.scheduled_at else None,
        "last_event": LAST_EVENT[Status(message.state)],
    }
