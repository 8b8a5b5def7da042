"""`POST /api/emails` and `/api/emails/batch`: submission, answered after the commit."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, g, request

from senddock.api import bodies
from senddock.api.access import caller, services
from senddock.api.answers import BatchError, Remark, Sent, SentBatch, answer
from senddock.api.errors import ApiError, invalid, translate
from senddock.api.mails import mail_of
from senddock.api.schemas import SendEmail
from senddock.dispatch.channels import Channel
from senddock.dispatch.mailing import submission_of
from senddock.dispatch.submission import Idempotency, IdempotencyConflict, Submission

bp = Blueprint("sending", __name__)
_BATCH = 100
_encoder = msgspec.json.Encoder()


@bp.post("/emails")
def send() -> Response:
    """Accept one message."""
    data = bodies.body()
    submission, warnings = _checked(bodies.one_email(data), datetime.now(UTC))
    return _store([submission], "emails", data, lambda ids: Sent(ids[0], warnings))


@bp.post("/emails/batch")
def send_batch() -> Response:
    """Accept up to 100 messages in one transaction: all or none, or when permissive the good ones."""
    data = bodies.body()
    items = bodies.batch(data, _BATCH)
    validation = request.headers.get("x-batch-validation", "strict").lower()
    if validation not in ("strict", "permissive"):
        raise invalid("The header x-batch-validation is `strict` or `permissive`.", "x-batch-validation")
    permissive = validation == "permissive"
    now = datetime.now(UTC)
    good: list[tuple[Submission, list[Remark]]] = []
    errors: list[BatchError] = []
    for index, item in enumerate(items):
        try:
            good.append(_checked(bodies.one_email(item), now))
        except Exception as error:
            refusal = translate(error)
            if refusal.status >= 500:
                raise
            if not permissive:
                refusal.message = f"Message {index}: {refusal.message}"
                refusal.extra["index"] = index
                raise refusal from error
            errors.append(BatchError(index, refusal.message))

    def respond(ids: Sequence[str]) -> SentBatch:
        sent = [Sent(message_id, warnings) for message_id, (_, warnings) in zip(ids, good, strict=True)]
        return SentBatch(sent, errors if permissive else msgspec.UNSET)

    if not good:
        return answer(respond(()))
    return _store([submission for submission, _ in good], "emails/batch", data, respond)


def _checked(body: SendEmail, now: datetime) -> tuple[Submission, list[Remark]]:
    channel = _channel(body.stream)
    submission = submission_of(mail_of(body, now, services().fetch), channel, now)
    caller().check_sender(submission)
    return submission, [Remark(**found) for found in submission.meta.get("warnings", ())]


def _channel(named: str | None) -> Channel:
    wanted = request.headers.get("X-SendDock-Stream") or named or None
    known: dict[str | None, Channel] = g.setdefault("channels", {})
    if wanted not in known:
        known[wanted] = services().channels.of(caller(), wanted)
    return known[wanted]


def _store(
    submissions: Sequence[Submission], endpoint: str, data: bytes, respond: Callable[[Sequence[str]], Any]
) -> Response:
    key = request.headers.get("Idempotency-Key")
    idempotency = None
    if key is not None:
        if not 1 <= len(key) <= 256:
            raise ApiError(400, "invalid_idempotency_key", "The idempotency key has 1 to 256 characters.")
        idempotency = Idempotency(
            api_key_id=caller().key_id,
            endpoint=endpoint,
            key=key,
            body_hash=_fingerprint(data),
            respond=lambda ids: _encoder.encode(respond(ids)).decode(),
        )
    try:
        receipt = services().outbox.submit(submissions, idempotency=idempotency)
    except IdempotencyConflict as error:
        raise ApiError(409, "invalid_idempotent_request", f"{error}: use a new key for a new message.") from error
    if receipt.replayed is not None:
        return Response(receipt.replayed, mimetype="application/json", headers={"Idempotent-Replayed": "true"})
    return answer(respond(receipt.ids))


def _fingerprint(data: bytes) -> str:
    """Of everything that decides what is stored: the body, and the headers that change its meaning."""
    told = [request.headers.get(name, "") for name in ("X-SendDock-Stream", "x-batch-validation")]
    return hashlib.sha256("\n".join(told).encode() + b"\n" + bodies.canonical(data)).hexdigest()
