"""What the overview asks besides the statistics: first steps, heartbeats, open incidents, last successes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.orm import Session

from senddock.domain.status import Status
from senddock.domain.verdict import VerdictClass
from senddock.models import (
    ApiKey,
    Attempt,
    ConnectionTest,
    HourlyRollup,
    Incident,
    Message,
    Provider,
    Worker,
)
from senddock.models.rollup import SUCCESS_CONDITION

#: Workers that were not heard of for longer are no longer shown (seconds).
_FORGOTTEN = 300

# Made once: making a statement anew takes longer than answering it.
_NEWEST = select(Message.id).order_by(Message.id.desc()).limit(50)
_STEPS = select(
    exists().where(Provider.deleted_at.is_(None)),
    exists().where(ConnectionTest.state == "succeeded"),
    exists().where(ApiKey.revoked_at.is_(None)),
    exists(select(Message.id)),
    or_(
        exists(select(HourlyRollup.hour).where(SUCCESS_CONDITION)),
        exists().where(Message.id.in_(_NEWEST), Message.state == Status.ACCEPTED.value),
    ),
)
_WORKERS = (
    select(Worker).where(Worker.stopped_at.is_(None), Worker.heartbeat_at >= bindparam("since")).order_by(Worker.id)
)
_INCIDENTS = select(Incident).where(Incident.closed_at.is_(None)).order_by(Incident.opened_at.desc()).limit(20)
_HOURS = select(
    Provider.id,
    select(HourlyRollup.hour)
    .where(HourlyRollup.provider_id == Provider.id, SUCCESS_CONDITION)
    .order_by(HourlyRollup.hour.desc())
    .limit(1)
    .scalar_subquery(),
).where(Provider.deleted_at.is_(None))
_MOMENT = (
    select(Attempt.started_at)
    .where(
        Attempt.provider_id == bindparam("provider_id"),
        Attempt.started_at >= bindparam("begin"),
        Attempt.started_at < bindparam("end"),
        Attempt.verdict_class == VerdictClass.ACCEPTED.value,
    )
    .order_by(Attempt.started_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Which of the steps from a fresh installation to a delivered message are done."""

    provider: bool
    tested: bool
    key: bool
    message: bool
    accepted: bool

    @property
    def done(self) -> bool:
        """True when nothing is left; a message that was accepted proves the provider without a test."""
        return self.provider and self.key and self.accepted


def first_steps(session: Session) -> FirstSteps:
    """Each is one row looked up by an index."""
    provider, tested, key, message, accepted = session.connection().execute(_STEPS).one()
    return FirstSteps(provider, tested or accepted, key, message, accepted)


def workers(session: Session, now: datetime) -> Sequence[Worker]:
    """Workers that run or were heard of lately."""
    return session.scalars(_WORKERS, {"since": now - timedelta(seconds=_FORGOTTEN)}).all()


def open_incidents(session: Session) -> Sequence[Incident]:
    """Providers whose breaker is open, the newest first."""
    return session.scalars(_INCIDENTS).all()


def last_successes(session: Session) -> Mapping[int, datetime]:
    """When each provider last accepted something: the hour from the rollup, the moment from that hour's attempts."""
    connection, found = session.connection(), {}
    for provider_id, hour in connection.execute(_HOURS).all():
        if hour is not None:
            within = {"provider_id": provider_id, "begin": hour, "end": hour + timedelta(hours=1)}
            # Attempts may have been pruned; the hour is still known then.
            found[provider_id] = connection.execute(_MOMENT, within).scalar() or hour
    return found
