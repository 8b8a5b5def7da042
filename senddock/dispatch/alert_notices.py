"""Telling people of new alerts: by e-mail through whichever provider is healthy, and by webhook; never a flood."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from senddock.dispatch.channels import channel_of
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.outbox import Outbox
from senddock.dispatch.stored_settings import store, stored
from senddock.dispatch.webhook_outbox import note
from senddock.models import Alert, Database, Provider, User

#: An alert that is over within this time is not worth a message.
_SETTLING = timedelta(seconds=20)
#: E-mails in one hour at most; what comes meanwhile stands together in the next.
PER_HOUR = 6
_HOUR = timedelta(hours=1)
_CHOICES, _SENT = "alert_notices", "alert_notices_sent"


@dataclass(frozen=True, slots=True)
class Choices:
    """How people want to be told."""

    email: bool = True
    webhook: bool = True


def choices(session: Session) -> Choices:
    """What is set."""
    text = stored(session, _CHOICES)
    return Choices(**json.loads(text)) if text else Choices()


def choose(database: Database, chosen: Choices, now: datetime) -> None:
    """Keep what a person wants."""
    with database.write() as session:
        store(session, _CHOICES, json.dumps(asdict(chosen)), now)


def notify(database: Database, outbox: Outbox, now: datetime, *, public_url: str | None = None) -> int:
    """Tell of alerts that nobody was told of; answers of how many."""
    with database.read() as session:
        fresh = session.scalars(
            select(Alert)
            .where(Alert.notified_at.is_(None), Alert.closed_at.is_(None), Alert.opened_at <= now - _SETTLING)
            .order_by(Alert.opened_at)
        ).all()
        if not fresh:
            return 0
        chosen = choices(session)
        people = session.scalars(select(User.email).where(User.disabled_at.is_(None)).order_by(User.id)).all()
        provider = session.scalar(select(Provider.id).where(Provider.deleted_at.is_(None), Provider.enabled).limit(1))
        recent = _recent(session, now)
    by_mail = chosen.email and bool(people) and provider is not None
    if by_mail and len(recent) >= PER_HOUR:
        return 0
    if by_mail:
        # At least once: a crash before the next commit tells of it twice rather than never.
        channel = channel_of(database, via="alert", project_id=None, stream=None)
        outbox.submit([submission_of(_mail(fresh, people, now, public_url), channel, now)])
    with database.write() as session:
        session.execute(update(Alert).where(Alert.id.in_([row.id for row in fresh])).values(notified_at=now))
        if by_mail:
            store(session, _SENT, json.dumps([moment.isoformat() for moment in [*recent, now]]), now)
        if chosen.webhook:
            for row in fresh:
                data = {"alert_id": row.id, "kind": row.kind, "severity": row.severity, "title": row.title}
                note(
                    session.connection(),
                    "alert.opened",
                    now,
                    {**data, "text": row.text, "opened_at": row.opened_at.isoformat()},
                )
    return len(fresh)


def _mail(fresh: Sequence[Alert], people: Sequence[str], now: datetime, public_url: str | None) -> Mail:
    title = fresh[0].title if len(fresh) == 1 else f"{len(fresh)} things need a person"
    base = (public_url or "").rstrip("/")
    parts = [f"{row.title}\n{row.text}\n" + (f"{base}{row.link}\n" if base and row.link else "") for row in fresh]
    parts.append(f"All alerts: {base}/alerts\n" if base else "All alerts are in the panel under Alerts.\n")
    # Old news is of no use: it is not sent when it could not leave for an hour.
    return Mail(to=people, subject=f"SendDock: {title}"[:200], text="\n".join(parts), expires_at=now + _HOUR)


def _recent(session: Session, now: datetime) -> list[datetime]:
    text = stored(session, _SENT)
    moments = [datetime.fromisoformat(item) for item in json.loads(text)] if text else []
    return [moment for moment in moments if moment > now - _HOUR]
