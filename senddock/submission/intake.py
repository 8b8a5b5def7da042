"""What the door does with a key and with a message: recognise, check, hand to the outbox, and word the answer."""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from senddock.content.control_fields import wishes_of
from senddock.content.invalid import InvalidContent
from senddock.content.whole import WholeMessage
from senddock.dispatch.caller import Caller, KeyRefused, NotAllowed
from senddock.dispatch.channels import Channel, Streams
from senddock.dispatch.keys import Keyring
from senddock.dispatch.outbox import Outbox
from senddock.dispatch.raw_mail import raw_submission
from senddock.dispatch.refusals import Refused
from senddock.dispatch.sender_advice import SenderAdvice
from senddock.dispatch.submission import Idempotency, IdempotencyConflict, Receipt, Submission
from senddock.models import Database, StorageUnavailable
from senddock.submission.path import printable

log = logging.getLogger(__name__)

TRY_LATER = "451 4.3.0 Not stored: the fault is on this side, try again later"
QUEUED = "250 2.0.0 Ok: queued as "


class WrongKey(Exception):
    """The key does not open the door; the text is the whole reply."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is signed in and which streams there are, as read a moment ago."""

    caller: Caller
    streams: Streams

    def channel(self, wanted: str | None, username: str) -> Channel:
        """Where a message goes: the stream its header names, or the user name, or the key's own. Raises `Refused`.

        A user name that names no stream, or one that the key may not use, means nothing: it may be anything.
        """
        if wanted is None and self.streams.named(username):
            with contextlib.suppress(NotAllowed):
                return self.streams.channel(self.caller, username, "smtp")
        return self.streams.channel(self.caller, wanted, "smtp")


@dataclass(frozen=True, slots=True)
class Handed:
    """One message as a session took it."""

    username: str
    sender: str | None
    recipients: Sequence[str]
    content: bytes


class Intake:
    """Safe to call from several threads."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._keyring = Keyring(database)
        self._advice = SenderAdvice(database)

    def sign_in(self, token: str, address: str) -> Standing:
        """Who shows this token. Raises `WrongKey`; what the database raises is an outage. Blocks: call it in a thread."""
        try:
            caller = self._keyring.admit(token, address)
        except KeyRefused as error:
            raise WrongKey(f"535 5.7.8 {printable(error.message)}") from error
        return Standing(caller, Streams.of(self._database, caller.project_id))

    def read(self, standing: Standing, handed: Handed) -> tuple[Submission, Idempotency | None]:
        """Check and complete. Raises `InvalidContent` and `Refused`; stores nothing."""
        now = datetime.now(UTC)
        whole = WholeMessage(handed.content)
        wishes = wishes_of(whole.control(), now)
        channel = standing.channel(wishes.stream, handed.username)
        submission = raw_submission(
            whole, handed.sender, handed.recipients, channel, now, wishes=wishes, advice=self._advice
        )
        standing.caller.check_sender(submission)
        if wishes.idempotency_key is None:
            return submission, None
        return submission, Idempotency(
            standing.caller.key_id, "smtp", wishes.idempotency_key, _identity(submission), lambda ids: ids[0]
        )

    def store(self, read: tuple[Submission, Idempotency | None], answer: Callable[[Receipt | Exception], None]) -> None:
        """Hand it to the outbox; ``answer`` is called from another thread after the commit."""
        submission, idempotency = read
        self._outbox.submit_soon([submission], answer, idempotency=idempotency)


def _identity(submission: Submission) -> str:
    """What makes a message the same one when a client hands it over again: dates, ids and boundaries are new each time."""
    parts = [submission.from_header, submission.subject, *sorted(map(str, submission.envelope.recipients))]
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()


def reply_to(outcome: Receipt | Exception) -> str:
    """The reply to the final dot."""
    if isinstance(outcome, Receipt):
        return QUEUED + (outcome.replayed or outcome.ids[0])
    if isinstance(outcome, InvalidContent):
        code = {"recipients": "553 5.1.3", "message": "554 5.6.0"}.get(outcome.field, "554 5.6.0")
        code = "552 5.3.4" if "octets" in outcome.message else code
        return f"{code} {printable(outcome.message)}"
    if isinstance(outcome, Refused):
        code = "550 5.7.1" if isinstance(outcome, NotAllowed) else "554 5.6.0"
        return f"{code} {printable(outcome.message)}"
    if isinstance(outcome, IdempotencyConflict):
        return "554 5.6.0 This Resend-Idempotency-Key was used before for another message"
    if isinstance(outcome, StorageUnavailable):
        log.error("a message was not stored: %s", outcome)
    else:
        log.error("a message was not stored because of a defect", exc_info=outcome)
    return TRY_LATER
