"""What the overview asks besides the statistics: first steps, heartbeats, open incidents, last successes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select
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

_ACCEPTED = VerdictClass.ACCEPTED.value
#: Workers that were not heard of for longer are no longer shown (seconds).
_FORGOTTEN = 300


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
    accepted = _any(session, select(HourlyRollup.hour).where(SUCCESS_CONDITION).limit(1))
    accepted = accepted or _any(
        session,
        select(Message.id)
        .where(Message.id.in_(select(Message.id).order_by(Message.id.desc()).limit(50)))
        .where(Message.state == Status.ACCEPTED.value)
        .limit(1),
    )
    return FirstSteps(
        provider=_any(session, select(Provider.id).where(Provider.deleted_at.is_(None)).limit(1)),
        tested=accepted or _any(session, select(ConnectionTest.id).where(ConnectionTest.state == "succeeded").limit(1)),
        key=_any(session, select(ApiKey.id).where(ApiKey.revoked_at.is_(None)).limit(1)),
        message=_any(session, select(Message.id).limit(1)),
        accepted=accepted,
    )


def _any(session: Session, query: object) -> bool:
    return session.execute(query).first() is not None  # type: ignore[call-overload]


def workers(session: Session, now: datetime) -> Sequence[Worker]:
    """Workers that run or were heard of lately."""
    since = now - timedelta(seconds=_FORGOTTEN)
    query = select(Worker).where(Worker.stopped_at.is_(None), Worker.heartbeat_at >= since).order_by(Worker.id)
    return session.scalars(query).all()


def open_incidents(session: Session) -> Sequence[Incident]:
    """Providers whose breaker is open, the newest first."""
    query = select(Incident).where(Incident.closed_at.is_(None)).order_by(Incident.opened_at.desc()).limit(20)
    return session.scalars(query).all()


def last_successes(session: Session, provider_ids: Sequence[int]) -> Mapping[int, datetime]:
    """When each provider last accepted something: the hour from the rollup, the moment from that hour's attempts."""
    hours = _each(
        session,
        {
            provider_id: select(HourlyRollup.hour)
            .where(HourlyRollup.provider_id == provider_id, SUCCESS_CONDITION)
            .order_by(HourlyRollup.hour.desc())
            .limit(1)
            for provider_id in provider_ids
        },
    )
    moments = _each(
        session,
        {
            provider_id: select(Attempt.started_at)
            .where(
                Attempt.provider_id == provider_id,
                Attempt.started_at >= hour,
                Attempt.started_at < hour + timedelta(hours=1),
                Attempt.verdict_class == _ACCEPTED,
            )
            .order_by(Attempt.started_at.desc())
            .limit(1)
            for provider_id, hour in hours.items()
        },
    )
    # Attempts may have been pruned; the hour is still known then.
    return {**hours, **moments}


def _each(session: Session, queries: Mapping[int, Select[datetime]]) -> dict[int, datetime]:
    """The one value of each query, those that have one: asked for in one statement."""
    if not queries:
        return {}
    row = session.execute(select(*(query.scalar_subquery() for query in queries.values()))).one()
    return {key: value for key, value in zip(queries, row, strict=True) if value is not None}
