"""`POST /api/emails` and `/api/emails/batch`: submission, answered after the commit."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Response

from senddock.api import access, bodies
from senddock.api.answers import BatchError, Remark, Reply, Sent, SentBatch, reply
from senddock.api.call import Call
from senddock.api.errors import ApiError, invalid, translate
from senddock.api.mails import Fetch, mail_of
from senddock.api.schemas import SendEmail
from senddock.dispatch.mailing import submission_of
from senddock.dispatch.submission import Idempotency, IdempotencyConflict, Submission

T = TypeVar("T")

bp = Blueprint("sending", __name__)
_BATCH = 100
_encoder = msgspec.json.Encoder()


class _Answered(Exception):
    """The request was answered before: its idempotency key says so."""

    def __init__(self, response: str) -> None:
        super().__init__()
        self.response = response


@bp.post("/emails")
def send() -> Response:
    """Accept one message."""
    return one(access.call()).response()


@bp.post("/emails/batch")
def send_batch() -> Response:
    """Accept up to 100 messages in one transaction."""
    return several(access.call()).response()


def one(call: Call) -> Reply:
    """Accept one message. Raises what `failed` answers."""
    data = call.body()
    body = bodies.one_email(data)
    promise = _Promise(call, "emails", data)
    try:
        with _files(promise) as fetch:
            submission, warnings = _checked(call, body, datetime.now(UTC), fetch)
        return _store([submission], promise, lambda ids: Sent(ids[0], warnings))
    except _Answered as before:
        return _again(before.response)


def several(call: Call) -> Reply:
    """All or none, or when permissive the good ones. Raises what `failed` answers."""
    data = call.body()
    items = bodies.batch(data, _BATCH)
    validation = (call.header("X_BATCH_VALIDATION") or "strict").lower()
    if validation not in ("strict", "permissive"):
        raise invalid("The header x-batch-validation is `strict` or `permissive`.", "x-batch-validation")
    permissive = validation == "permissive"
    promise = _Promise(call, "emails/batch", data)
    try:
        with _files(promise) as fetch:
            good, errors = _sorted(call, items, fetch, permissive=permissive)

        def respond(ids: Sequence[str]) -> SentBatch:
            sent = [Sent(message_id, warnings) for message_id, (_, warnings) in zip(ids, good, strict=True)]
            return SentBatch(sent, errors if permissive else msgspec.UNSET)

        if not good:
            return reply(respond(()))
        return _store([submission for submission, _ in good], promise, respond)
    except _Answered as before:
        return _again(before.response)


def _sorted(
    call: Call, items: Sequence[msgspec.Raw], fetch: Fetch | None, *, permissive: bool
) -> tuple[list[tuple[Submission, list[Remark]]], list[BatchError]]:
    now = datetime.now(UTC)
    good: list[tuple[Submission, list[Remark]]] = []
    errors: list[BatchError] = []
    for index, item in enumerate(items):
        try:
            good.append(_checked(call, bodies.one_email(item), now, fetch))
        except _Answered:
            raise
        except Exception as error:
            refusal = translate(error)
            if refusal.status >= 500:
                raise
            if not permissive:
                refusal.message = f"Message {index}: {refusal.message}"
                refusal.extra["index"] = index
                raise refusal from error
            errors.append(BatchError(index, refusal.message))
    return good, errors


def _checked(call: Call, body: SendEmail, now: datetime, fetch: Fetch | None) -> tuple[Submission, list[Remark]]:
    submission = submission_of(mail_of(body, now, fetch), call.channel(body.stream), now, call.services.advice)
    call.caller.check_sender(submission)
    said = submission.meta.get("warnings")
    if not said:
        return submission, []
    guides = f"{call.server}/guides/"
    return submission, [Remark(one["name"], one["message"], guides + one["guide"]) for one in said]


class _Promise:
    """What the client said with its idempotency key, if it gave one."""

    def __init__(self, call: Call, endpoint: str, data: bytes) -> None:
        """Raises `ApiError` 400."""
        self.call = call
        self._endpoint = endpoint
        self._data = data
        self.key = call.header("IDEMPOTENCY_KEY")
        if self.key is not None and not 1 <= len(self.key) <= 256:
            raise ApiError(400, "invalid_idempotency_key", "The idempotency key has 1 to 256 characters.")

    def idempotency(self, respond: Callable[[Sequence[str]], Any]) -> Idempotency | None:
        """For the outbox."""
        if self.key is None:
            return None
        return Idempotency(
            api_key_id=self.call.caller.key_id,
            endpoint=self._endpoint,
            key=self.key,
            body_hash=_fingerprint(self.call, self._data),
            respond=lambda ids: _encoder.encode(respond(ids)).decode(),
        )


@contextlib.contextmanager
def _files(promise: _Promise) -> Iterator[Fetch | None]:
    """What fetches attachments. An answer that was given before is given again without: the files may be gone."""
    outbox, fetcher = promise.call.services.outbox, promise.call.services.fetcher
    if fetcher is None:
        yield None
        return

    def before() -> None:
        idempotency = promise.idempotency(lambda ids: ids)
        receipt = _asked(lambda: outbox.answered(idempotency)) if idempotency else None
        if receipt is not None:
            raise _Answered(receipt)

    with fetcher.basket(before) as basket:
        yield basket.file


def _store(submissions: Sequence[Submission], promise: _Promise, respond: Callable[[Sequence[str]], Any]) -> Reply:
    outbox = promise.call.services.outbox
    receipt = _asked(lambda: outbox.submit(submissions, idempotency=promise.idempotency(respond)))
    if receipt.replayed is not None:
        return _again(receipt.replayed)
    return reply(respond(receipt.ids))


def _asked(outbox: Callable[[], T]) -> T:
    try:
        return outbox()
    except IdempotencyConflict as error:
        raise ApiError(409, "invalid_idempotent_request", f"{error}: use a new key for a new message.") from error


def _again(response: str) -> Reply:
    return Reply(response.encode(), headers=[("Idempotent-Replayed", "true")])


def _fingerprint(call: Call, data: bytes) -> str:
    """Of everything that decides what is stored: the body, and the headers that change its meaning."""
    told = [call.header(name) or "" for name in ("X_SENDDOCK_STREAM", "X_BATCH_VALIDATION")]
    return hashlib.sha256("\n".join(told).encode() + b"\n" + bodies.canonical(data)).hexdigest()
