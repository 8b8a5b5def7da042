"""One claimed message on its way through this worker: what is still pending, and the transaction under way."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from senddock.content.dots import dot_stuff
from senddock.content.headers import address_header, splice
from senddock.dispatch.claim import Claimed
from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.pace import Grant
from senddock.dispatch.rewriting import Rewritten, rewrite
from senddock.dispatch.roster import StreamView
from senddock.domain.catalogue import entry_for
from senddock.domain.envelope import Address
from senddock.domain.outcome import Circumstance
from senddock.domain.reply import Reply
from senddock.domain.retry import expiry
from senddock.domain.routing import Need, NoRoute, Trial, Use, Wait
from senddock.domain.status import Status, summarise
from senddock.domain.verdict import Verdict, VerdictClass
from senddock.models import Provider
from senddock.smtp.session import Outgoing

_SUPPRESSED = "The address was on the suppression list when the message was to be sent."
_WAITING = (Status.QUEUED.value, Status.DEFERRED.value, Status.SCHEDULED.value)


@dataclass(slots=True)
class Pending:
    """One recipient that has no outcome yet."""

    delivery_id: int
    recipient: str
    tries: int
    #: Only this provider may be used for the next try.
    only: int | None
    was_uncertain: bool
    #: Providers tried in this round.
    tried: frozenset[int] = frozenset()
    larger_than: int | None = None
    used_second_chance: bool = False
    last: tuple[Verdict, Reply] | None = None
    #: Decided in this claim: its new state and when it is looked at again.
    decided: Status | None = None
    at: datetime | None = None
    counts: bool = True
    sticky: int | None = None
    why: str | None = None
    #: The arm of a running experiment; ``exposed`` once the plan has let the recipient take part, until it is counted.
    trial: Trial | None = None
    exposed: bool = False
    #: What was decided is part of a settlement that the recorder has.
    written: bool = False

    def group(self) -> tuple[object, ...]:
        """Recipients with the same value can share a transaction."""
        return (self.only, self.tried, self.larger_than, self.used_second_chance, self.trial)


@dataclass(slots=True)
class Transaction:
    """An attempt under way: the recipients it carries, through whom, and why."""

    provider: Provider
    recipients: Sequence[Pending]
    decision: Use
    outgoing: Outgoing
    started_at: datetime | None = None
    #: Monotonic seconds at the start, for the duration.
    clock: float = 0.0
    #: The attempt's row as far as it is known; made when the dot is about to leave, or with the outcome.
    row: dict[str, Any] | None = None
    #: Its dot mark, once it has been asked for.
    mark: Mark | None = None
    retried_fresh: bool = False
    dot_at: datetime | None = None
    #: Set when the provider's own From took the place of the message's.
    rewritten: Rewritten | None = None
    #: What was taken of the provider's limits for it; set when a lane begins it.
    grant: Grant | None = None


@dataclass(slots=True)
class Task:
    """A message this worker holds."""

    claimed: Claimed
    stream: StreamView
    raw: bytes
    pending: list[Pending]
    others: list[Status]
    #: When the first of the recipients is due whose own time has not come yet.
    others_due: datetime | None
    number: int
    rounds: int
    failed_over: bool
    provider_id: int | None = None
    transaction: Transaction | None = None
    last: tuple[Verdict, Reply] | None = None
    #: When it is given up, once that has been asked for.
    expires: datetime | None = None
    #: Why no provider could take it, when that is what it waits for.
    waits: Wait | NoRoute | None = None
    #: What its last choice of a provider did to the shares.
    turn: dict[int, float] = field(default_factory=dict)
    #: Jitter, the same for all recipients: those who were deferred together come back in one transaction.
    chance: float = field(default_factory=random.random)

    @classmethod
    def of(cls, claimed: Claimed, stream: StreamView, raw: bytes, now: datetime) -> "Task":
        """Take over what was claimed: the recipients whose time has come; all that wait when the message was woken."""
        row = claimed.row
        waiting = [delivery for delivery in claimed.deliveries if delivery.status in _WAITING]
        later = [item for item in waiting if item.next_attempt_at is not None and item.next_attempt_at > now]
        if len(later) == len(waiting):
            later = []
        not_now = {item.id for item in later} if later else ()
        pending = [
            Pending(
                delivery_id=delivery.id,
                recipient=delivery.recipient,
                tries=delivery.tries,
                only=delivery.sticky_provider_id or row.pinned_provider_id,
                was_uncertain=delivery.verdict_class == VerdictClass.UNCERTAIN.value,
                trial=stream.trial(delivery.recipient, now),
                decided=Status.SUPPRESSED if delivery.suppressed else None,
                why=_SUPPRESSED if delivery.suppressed else None,
            )
            for delivery in waiting
            if delivery.id not in not_now
        ]
        taken = {item.delivery_id for item in pending}
        others = [Status(delivery.status) for delivery in claimed.deliveries if delivery.id not in taken]
        others_due = min((item.next_attempt_at for item in later if item.next_attempt_at), default=None)
        return cls(claimed, stream, raw, pending, others, others_due, row.attempts, row.rounds, row.failed_over)

    @property
    def id(self) -> str:
        """The message's id."""
        return str(self.claimed.row.id)

    def expires_at(self) -> datetime:
        """When it is given up."""
        if self.expires is None:
            row = self.claimed.row
            self.expires = expiry(
                self.stream.schedule,
                created_at=row.created_at,
                scheduled_at=row.scheduled_at,
                expires_at=row.expires_at,
            )
        return self.expires

    def undecided(self) -> list[Pending]:
        """Recipients that go into the next transaction together; empty when all are decided for now."""
        open_ones = [item for item in self.pending if item.decided is None]
        return [item for item in open_ones if item.group() == open_ones[0].group()] if open_ones else []

    def need(self, group: Sequence[Pending]) -> Need:
        """What the recipients of ``group`` ask of a provider."""
        first, row = group[0], self.claimed.row
        return Need(row.from_domain, row.size, first.tried, first.only, first.larger_than, first.trial)

    def circumstance(self, item: Pending, now: datetime) -> Circumstance:
        """What decides about ``item`` besides the verdict."""
        return Circumstance(
            now=now,
            chance=self.chance,
            schedule=self.stream.schedule,
            tries=item.tries + 1,
            patience=self.stream.patience,
            on_uncertain=self.stream.on_uncertain,
            was_uncertain=item.was_uncertain,
            used_second_chance=item.used_second_chance,
        )

    def open_transaction(self, provider: Provider, group: Sequence[Pending], decision: Use) -> None:
        """Make ready what goes over the wire through ``provider``."""
        limit = provider.recipients_per_message
        carried = group[:limit] if limit else group
        outgoing, rewritten = _outgoing(self, provider, carried)
        self.transaction = Transaction(provider, carried, decision, outgoing, rewritten=rewritten)
        self.number += 1
        self.provider_id = provider.id

    def state(self) -> Status:
        """The message's state from those of its recipients."""
        return summarise([*self.others, *(item.decided or Status.QUEUED for item in self.pending)])


def _outgoing(task: Task, provider: Provider, carried: Sequence[Pending]) -> tuple[Outgoing, Rewritten | None]:
    row = task.claimed.row
    raw = task.raw
    sender = row.sender
    rewritten = None
    if row.from_header is None:
        raw = splice(raw, set={"From": address_header(provider.from_name, provider.from_email)}, remove=())
        sender = provider.from_email
    elif provider.from_policy == "rewrite":
        rewritten = rewrite(raw, row.from_header, provider)
        raw = rewritten.raw if rewritten is not None else raw
        sender = provider.from_email
    entry = entry_for(provider.preset)
    if entry is not None and entry.idempotency is not None:
        raw = splice(raw, set={entry.idempotency.header: _idempotency_key(task, carried)}, remove=())
    outgoing = Outgoing(
        mail_from=_wire(sender) if sender else "",
        recipients=tuple(_wire(item.recipient) for item in carried),
        data=dot_stuff(raw),
        size=len(raw),
        needs_8bit=row.needs_8bit,
        needs_smtputf8=row.needs_smtputf8,
    )
    return outgoing, rewritten


def _idempotency_key(task: Task, carried: Sequence[Pending]) -> str:
    """The same for another try with the same recipients, and another for others: theirs is not a repetition."""
    recipients = "\n".join(sorted(item.recipient for item in carried))
    return hashlib.sha256(f"{task.id}\n{recipients}".encode()).hexdigest()[:40]


def _wire(address: str) -> str:
    # What is stored was parsed at the door; only a domain outside ASCII looks different on the wire.
    return address if address.isascii() else Address.parse(address).wire()
