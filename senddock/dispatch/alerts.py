"""Alerts: opened once for each thing, closed when it is over, acknowledged by a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused
from senddock.domain.saying import Saying, plain
from senddock.models import Alert, Database


@dataclass(frozen=True, slots=True)
class Raised:
    """Something that needs a person now. ``key`` names the thing, so that it is said once."""

    key: str
    kind: str
    #: ``error`` (mail does not go out) or ``warn``.
    severity: str
    title: Saying
    text: Saying
    #: Where in the panel it is mended.
    link: str = ""


def raise_alert(session: Session, raised: Raised, now: datetime) -> None:
    """Open it, or bring an open one up to date; a new severity or kind asks for a person anew."""
    row = session.scalar(select(Alert).where(Alert.key == raised.key, Alert.closed_at.is_(None)))
    if row is None:
        row = Alert(key=raised.key, opened_at=now)
        session.add(row)
    elif (row.kind, row.severity) != (raised.kind, raised.severity):
        row.acknowledged_at = row.acknowledged_by = row.notified_at = None
    row.kind, row.severity = raised.kind, raised.severity
    row.title, row.text, row.link = raised.title.told(), raised.text.told(), raised.link
    row.words = {"title": raised.title.to_json(), "text": raised.text.to_json()}
    session.flush()


def sayings_of(row: Alert) -> tuple[Saying, Saying]:
    """Title and text of a stored alert."""
    if row.words is None:
        return plain(row.title), plain(row.text)
    return Saying.from_json(row.words["title"]), Saying.from_json(row.words["text"])


def settle(session: Session, key: str, now: datetime) -> None:
    """It is over."""
    session.execute(update(Alert).where(Alert.key == key, Alert.closed_at.is_(None)).values(closed_at=now))


def open_alerts(session: Session) -> Sequence[Alert]:
    """Everything that is not over, what stops mail first, then the newest first."""
    rows = session.scalars(select(Alert).where(Alert.closed_at.is_(None)).order_by(Alert.opened_at.desc())).all()
    return sorted(rows, key=lambda row: row.severity != "error")


def closed_alerts(session: Session, limit: int = 50) -> Sequence[Alert]:
    """What was over last."""
    query = select(Alert).where(Alert.closed_at.is_not(None)).order_by(Alert.closed_at.desc()).limit(limit)
    return session.scalars(query).all()


def acknowledge(database: Database, alert_id: int, *, by: str, now: datetime) -> None:
    """A person has seen it: the strip leaves it out. An alert that ends by a person's word only ends here.

    Raises `Refused` when there is no such alert.
    """
    with database.write() as session:
        row = session.get(Alert, alert_id)
        if row is None:
            raise Refused("There is no such alert.", code="not_found")
        if row.acknowledged_at is None:
            row.acknowledged_at, row.acknowledged_by = now, by
        if row.closed_at is None and row.kind in BY_PERSON:
            row.closed_at = now


#: Kinds that tell of an event: they are over when a person has seen them, not by themselves.
BY_PERSON = frozenset({"domain", "webhook"})
