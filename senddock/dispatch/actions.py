"""What a person does to a message: cancel it, send it again, change its time. Each is one conditional update."""

from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from senddock.dispatch.message_state import refresh_state
from senddock.dispatch.refusals import Refused
from senddock.dispatch.suppressed import suppressed_among
from senddock.dispatch.tally import pen_of
from senddock.domain.message_id import is_id
from senddock.domain.status import Status
from senddock.models import Database, Delivery, Event, Message, Provider

_UNKNOWN = "There is no message with this id."
_WAITING = (Status.SCHEDULED.value, Status.QUEUED.value, Status.DEFERRED.value)
_RESENDABLE = (
    Status.FAILED.value,
    Status.EXPIRED.value,
    Status.UNCERTAIN.value,
    Status.DEFERRED.value,
    Status.CANCELED.value,
    Status.SUPPRESSED.value,
)


def cancel(database: Database, message_id: str, *, by: str) -> None:
    """Take a waiting message out of the queue. Raises `Refused` when it is under way or over."""
    _require_id(message_id)
    now = datetime.now(UTC)
    with database.write() as session:
        done = session.execute(
            update(Message)
            .where(Message.id == message_id, Message.worker_id.is_(None), Message.state.in_(_WAITING))
            .values(due_at=None, fence=Message.fence + 1, finished_at=now)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]
            raise _why_not(session, message_id, "canceled")
        session.execute(
            update(Delivery)
            .where(Delivery.message_id == message_id, Delivery.status.in_(_WAITING))
            .values(status=Status.CANCELED.value, next_attempt_at=None, finished_at=now)
        )
        refresh_state(session.connection(), message_id)
        session.add(Event(message_id=message_id, kind="canceled", at=now, data={"by": by}))


def reschedule(database: Database, message_id: str, at: datetime, *, by: str) -> None:
    """Give a scheduled message another time. Raises `Refused` when it is not scheduled any more."""
    _require_id(message_id)
    now = datetime.now(UTC)
    with database.write() as session:
        expires = session.scalar(select(Message.expires_at).where(Message.id == message_id))
        if expires is not None and expires <= at:
            raise Refused("The message expires before that time: give an earlier one.", field="scheduled_at")
        done = session.execute(
            update(Message)
            .where(Message.id == message_id, Message.worker_id.is_(None), Message.state == Status.SCHEDULED.value)
            .values(due_at=at, scheduled_at=at)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]
            raise _why_not(session, message_id, "rescheduled")
        session.add(Event(message_id=message_id, kind="rescheduled", at=now, data={"by": by, "at": at.isoformat()}))


def retry(database: Database, message_id: str, *, provider_id: int | None, by: str) -> None:
    """Send the recipients that were not accepted again, now. Raises `Refused` when there are none.

    Addresses that are on the suppression list now are left as they are. An uncertain delivery may arrive twice by this:
    that is the person's explicit word.
    """
    _require_id(message_id)
    now = datetime.now(UTC)
    with database.write() as session:
        if provider_id is not None:
            provider = session.get(Provider, provider_id)
            if provider is None or provider.deleted_at is not None or not provider.enabled:
                raise Refused(f"Provider {provider_id} is not there or disabled.", field="provider", code="not_found")
        open_ones = _resendable(session, message_id)
        done = None
        if open_ones:
            done = session.execute(
                update(Message)
                .where(Message.id == message_id, Message.worker_id.is_(None))
                .values(
                    state=Status.QUEUED.value,
                    due_at=now,
                    fence=Message.fence + 1,
                    pinned_provider_id=provider_id,
                    # Its age starts anew: a person wants it sent.
                    scheduled_at=now,
                    expires_at=None,
                    reason=None,
                    plan=None,
                    finished_at=None,
                )
            )
        if done is None or done.rowcount != 1:  # type: ignore[attr-defined]
            raise _why_not(session, message_id, "sent again")
        session.execute(
            update(Delivery)
            .where(Delivery.id.in_(open_ones))
            .values(
                status=Status.QUEUED.value,
                next_attempt_at=None,
                tries=0,
                sticky_provider_id=None,
                verdict_class=None,
                finished_at=None,
            )
        )
        data = {"by": by, "provider": provider_id}
        session.add(Event(message_id=message_id, kind="resent", at=now, data=data))


def _resendable(session: Session, message_id: str) -> list[int]:
    """The recipients that a person can have sent again. Raises `Refused` when the suppression list holds them all back."""
    rows = session.execute(
        select(Delivery.id, Delivery.recipient, Message.project_id)
        .join(Message, Message.id == Delivery.message_id)
        .where(Delivery.message_id == message_id, Delivery.status.in_(_RESENDABLE))
    ).all()
    listed = suppressed_among(pen_of(session.connection()), {(row.project_id, row.recipient.lower()) for row in rows})
    free = [row.id for row in rows if (row.project_id, row.recipient.lower()) not in listed]
    if listed and not free:
        named = ", ".join(sorted(address for _, address in listed)[:3])
        raise Refused(
            f"{named} {'is' if len(listed) == 1 else 'are'} on the suppression list, so nothing would be sent. "
            "Take the address off the list under Suppressions, then send again."
        )
    return free


def _require_id(message_id: str) -> None:
    # PostgreSQL refuses to look for what has not the form of an id.
    if not is_id(message_id):
        raise Refused(_UNKNOWN, code="not_found")


def _why_not(session: Session, message_id: str, what: str) -> Refused:
    row = session.execute(select(Message.state, Message.worker_id).where(Message.id == message_id)).first()
    if row is None:
        return Refused(_UNKNOWN, code="not_found")
    if row.worker_id is not None:
        return Refused(f"The message is being sent just now and cannot be {what}.", code="conflict")
    return Refused(f"The message is {row.state} and cannot be {what}.", code="conflict")
