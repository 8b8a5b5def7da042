"""`/api/emails`: submission and reading, in the shape of Resend's."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from senddock.api.access import caller, services
from senddock.api.emails_schema import mail_of, time_of
from senddock.api.errors import ApiError, invalid
from senddock.content.reading import read_parts
from senddock.dispatch import actions, journal
from senddock.dispatch.channels import Channel
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.submission import Idempotency, IdempotencyConflict, Submission
from senddock.domain.log_filter import LogFilter
from senddock.domain.status import LAST_EVENT, Status

bp = Blueprint("emails", __name__)
_BATCH = 100


@bp.post("/emails")
def send() -> Response:
    """Accept one message."""
    body = _json()
    now = datetime.now(UTC)
    submission = _checked(mail_of(body, now), _channel(body), now)
    return _store([submission], "emails", body, lambda ids: {"id": ids[0]})


@bp.post("/emails/batch")
def send_batch() -> Response:
    """Accept up to 100 messages in one transaction."""
    body = _json()
    if not isinstance(body, list) or not 1 <= len(body) <= _BATCH:
        raise invalid(f"The body must be a list of 1 to {_BATCH} messages.")
    permissive = request.headers.get("x-batch-validation", "strict").lower() == "permissive"
    now = datetime.now(UTC)
    good: list[Submission] = []
    errors = []
    for index, item in enumerate(body):
        try:
            good.append(_checked(mail_of(item, now), _channel(item), now))
        except Exception as error:
            from senddock.api.errors import translate

            refusal = translate(error)
            if refusal.status >= 500:
                raise
            if not permissive:
                refusal.message = f"Message {index}: {refusal.message}"
                refusal.extra["index"] = index
                raise refusal from error
            errors.append({"index": index, "message": refusal.message})

    def respond(ids: Sequence[str]) -> dict[str, Any]:
        answer: dict[str, Any] = {"data": [{"id": message_id} for message_id in ids]}
        if permissive:
            answer["errors"] = errors
        return answer

    if not good:
        return jsonify(respond(()))
    return _store(good, "emails/batch", body, respond)


@bp.get("/emails")
def list_emails() -> Response:
    """The newest messages, by cursor."""
    caller().check_reading()
    text, after, before = request.args.get("limit", "20"), request.args.get("after"), request.args.get("before")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100:
        raise invalid("`limit` is a number from 1 to 100.", "limit")
    if after and before:
        raise invalid("Give `after` or `before`, not both.", "after")
    # Their "after" means further down the list, which is newest first: older messages.
    with services().database.read() as session:
        page = journal.page(session, LogFilter(), before=after, after=before, limit=int(text))
        rows = [_summary(row) for row in page.rows]
    more = page.newer is not None if before else page.older is not None
    return jsonify({"object": "list", "has_more": more, "data": rows})


@bp.get("/emails/<message_id>")
def get_email(message_id: str) -> Response:
    """One message with its content."""
    caller().check_reading()
    with services().database.read() as session:
        story = _own(journal.story(session, message_id))
        raw = journal.raw_of(session, message_id)
    message, meta = story.message, story.meta
    parts = read_parts(raw) if raw is not None else None
    return jsonify(
        {
            "object": "email",
            **_summary(message),
            "to": meta.get("to", []),
            "cc": meta.get("cc") or None,
            "bcc": meta.get("bcc") or None,
            "reply_to": meta.get("reply_to") or None,
            "html": parts.html if parts else None,
            "text": parts.text if parts else None,
            "tags": meta.get("tags", []),
            "topic_id": None,
            "stream": story.stream.name,
            "deliveries": journal.story_json(story)["deliveries"],
        }
    )


@bp.get("/emails/<message_id>/attempts")
def get_attempts(message_id: str) -> Response:
    """Every attempt, with stage, class and reply."""
    caller().check_reading()
    with services().database.read() as session:
        story = _own(journal.story(session, message_id))
    return jsonify({"object": "list", "data": [journal.attempt_json(attempt) for attempt in story.attempts]})


@bp.patch("/emails/<message_id>")
def reschedule(message_id: str) -> Response:
    """Another time for a scheduled message."""
    caller().check_reading()
    body = _json()
    if not isinstance(body, dict) or body.get("scheduled_at") is None:
        raise invalid("Missing `scheduled_at` field.", "scheduled_at", "missing_required_field")
    at = time_of(body, "scheduled_at", datetime.now(UTC))
    assert at is not None
    _exists(message_id)
    actions.reschedule(services().database, message_id, at, by=caller().name)
    services().wake()
    return jsonify({"object": "email", "id": message_id})


@bp.post("/emails/<message_id>/cancel")
def cancel(message_id: str) -> Response:
    """Take a waiting message out of the queue. The body is not read: some SDKs send none with a JSON content type."""
    caller().check_reading()
    _exists(message_id)
    actions.cancel(services().database, message_id, by=caller().name)
    return jsonify({"object": "email", "id": message_id})


def _json() -> Any:
    body = request.get_json(force=True, silent=True)
    if body is None:
        raise ApiError(400, "validation_error", "The body is not JSON.")
    return body


def _channel(body: Any) -> Channel:
    wanted = request.headers.get("X-SendDock-Stream") or (body.get("stream") if isinstance(body, dict) else None)
    if wanted is not None and not isinstance(wanted, str):
        raise invalid("The `stream` field must be a string.", "stream")
    who = caller()
    known: dict[str | None, Channel] = g.setdefault("channels", {})
    if wanted not in known:
        known[wanted] = services().channels.of(who, wanted)
    return known[wanted]


def _checked(mail: Mail, channel: Channel, now: datetime) -> Submission:
    submission = submission_of(mail, channel, now)
    caller().check_sender(submission)
    return submission


def _store(submissions: Sequence[Submission], endpoint: str, body: Any, respond: Any) -> Response:
    key = request.headers.get("Idempotency-Key")
    idempotency = None
    if key is not None:
        if not 1 <= len(key) <= 256:
            raise ApiError(400, "invalid_idempotency_key", "The idempotency key has 1 to 256 characters.")
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        idempotency = Idempotency(
            api_key_id=caller().key_id,
            endpoint=endpoint,
            key=key,
            body_hash=hashlib.sha256(canonical).hexdigest(),
            respond=lambda ids: json.dumps(respond(ids)),
        )
    try:
        receipt = services().outbox.submit(submissions, idempotency=idempotency)
    except IdempotencyConflict as error:
        raise ApiError(409, "invalid_idempotent_request", f"{error}: use a new key for a new message.") from error
    if receipt.replayed is not None:
        return jsonify(json.loads(receipt.replayed))
    return jsonify(respond(receipt.ids))


def _summary(message: Any) -> dict[str, Any]:
    return {
        "id": message.id,
        "message_id": message.header_message_id,
        "from": message.from_header,
        "to": [message.to_header],
        "cc": None,
        "bcc": None,
        "reply_to": None,
        "subject": message.subject,
        "created_at": _iso(message.created_at),
        "scheduled_at": _iso(message.scheduled_at) if message.scheduled_at else None,
        "last_event": LAST_EVENT[Status(message.state)],
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _own(story: journal.Story | None) -> journal.Story:
    if story is None or story.message.project_id != caller().project_id:
        raise ApiError(404, "not_found", "There is no email with this id.")
    return story


def _exists(message_id: str) -> None:
    with services().database.read() as session:
        _own(journal.story(session, message_id))
