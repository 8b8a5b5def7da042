"""Webhook endpoints: added, changed, disabled, their secrets replaced; and the record of what was delivered."""

import json
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from senddock.dispatch.alerts import settle
from senddock.dispatch.refusals import Refused
from senddock.domain.webhook_events import EVENTS, envelope
from senddock.http.target import BadTarget, parse
from senddock.models import Database, WebhookDelivery, WebhookEndpoint
from senddock.secrets.vault import Vault
from senddock.webhooks.post import refusal
from senddock.webhooks.signature import new_secret

#: For how long the secret before a rotation signs beside the new one.
OVERLAP = timedelta(hours=24)
#: For how long deliveries that are over are kept.
KEPT = timedelta(days=30)
_TABLE = "webhook_endpoint"


def add(
    database: Database,
    vault: Vault,
    url: str,
    *,
    events: Collection[str] = (),
    project_id: int | None = None,
    private_network: bool = False,
    now: datetime,
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint; answers it with its signing secret, which is readable only now. Raises `Refused`."""
    address, wanted = _checked(url, events, private_network=private_network)
    secret = new_secret()
    with database.write() as session:
        row = WebhookEndpoint(
            url=address,
            events=wanted,
            project_id=project_id,
            private_network=private_network,
            secret_sealed="",
            created_at=now,
        )
        session.add(row)
        session.flush()
        row.secret_sealed = _seal(vault, row.id, secret)
    return row, secret


def change(
    database: Database, endpoint_id: int, url: str, *, events: Collection[str], private_network: bool
) -> WebhookEndpoint:
    """Change where it is and what it hears of. Raises `Refused`."""
    address, wanted = _checked(url, events, private_network=private_network)
    with database.write() as session:
        row = _get(session, endpoint_id)
        row.url, row.events, row.private_network = address, wanted, private_network
        row.held_until = None
    return row


def rotate(database: Database, vault: Vault, endpoint_id: int, now: datetime) -> str:
    """Replace the secret; both sign for 24 hours, so that the receiver can change over in peace."""
    secret = new_secret()
    with database.write() as session:
        row = _get(session, endpoint_id)
        previous = vault.open(row.secret_sealed, table=_TABLE, row=str(row.id), column="secret").decode()
        row.previous_sealed = vault.seal(previous.encode(), table=_TABLE, row=str(row.id), column="previous")
        row.previous_until = now + OVERLAP
        row.secret_sealed = _seal(vault, row.id, secret)
    return secret


def secrets_of(row: WebhookEndpoint, vault: Vault, now: datetime) -> list[str]:
    """The secrets that sign at this moment, the newest first."""
    found = [vault.open(row.secret_sealed, table=_TABLE, row=str(row.id), column="secret").decode()]
    if row.previous_sealed and row.previous_until is not None and row.previous_until > now:
        found.append(vault.open(row.previous_sealed, table=_TABLE, row=str(row.id), column="previous").decode())
    return found


def set_enabled(database: Database, endpoint_id: int, *, enabled: bool, by: str, now: datetime) -> None:
    """Take an endpoint in or out of use. What waits for it is delivered when it is back."""
    with database.write() as session:
        row = _get(session, endpoint_id)
        row.disabled_at, row.disabled_why = (None, None) if enabled else (now, f"disabled by {by}")
        if enabled:
            row.failing_since = row.held_until = None
            settle(session, f"webhook:{endpoint_id}", now)


def remove(database: Database, endpoint_id: int, now: datetime) -> None:
    """Take an endpoint away, with the record of its deliveries."""
    with database.write() as session:
        row = _get(session, endpoint_id)
        settle(session, f"webhook:{endpoint_id}", now)
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == row.id))
        session.delete(row)


def all_endpoints(session: Session) -> Sequence[WebhookEndpoint]:
    """Every endpoint, the oldest first."""
    return session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id)).all()


def get(session: Session, endpoint_id: int) -> WebhookEndpoint:
    """One endpoint. Raises `Refused` with code ``not_found``."""
    return _get(session, endpoint_id)


def waiting(session: Session) -> dict[int, int]:
    """Endpoint id to the number of deliveries that wait for it."""
    counted = (
        select(WebhookDelivery.endpoint_id, func.count())
        .where(WebhookDelivery.next_at.is_not(None))
        .group_by(WebhookDelivery.endpoint_id)
    )
    return {row[0]: row[1] for row in session.execute(counted)}


def deliveries(
    session: Session, endpoint_id: int, *, before: int | None = None, limit: int = 50
) -> tuple[Sequence[WebhookDelivery], int | None]:
    """The newest first, and the id to go on before, if there are more."""
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    rows = session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def send_test(database: Database, endpoint_id: int, now: datetime) -> int:
    """Queue a delivery that says hello; answers its id. A disabled endpoint is refused."""
    payload = envelope("webhook.test", now, {"message": "This is a test from SendDock. The endpoint works."})
    with database.write() as session:
        row = _get(session, endpoint_id)
        if row.disabled_at is not None:
            raise Refused("The endpoint is disabled: enable it first.", code="conflict")
        row.held_until = None
        made = WebhookDelivery(
            endpoint_id=row.id,
            event_id=new_event_id(),
            event_type="webhook.test",
            payload=json.dumps(payload, ensure_ascii=False),
            state="pending",
            tries=0,
            next_at=now,
            created_at=now,
            log=[],
        )
        session.add(made)
        session.flush()
        return made.id


def replay(database: Database, delivery_id: int, now: datetime) -> None:
    """Send a delivery again, with the same id and the same text, and its whole schedule. Raises `Refused`."""
    with database.write() as session:
        done = session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.id == delivery_id)
            .values(state="pending", tries=0, next_at=now, finished_at=None, claimed_until=None)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]
            raise Refused(f"There is no delivery {delivery_id}.", code="not_found")


def forget_old(database: Database, now: datetime) -> None:
    """Delete the record of deliveries that were over a month ago."""
    with database.transaction() as connection:
        connection.execute(
            delete(WebhookDelivery).where(WebhookDelivery.created_at < now - KEPT, WebhookDelivery.next_at.is_(None))
        )


def describe(row: WebhookEndpoint) -> dict[str, Any]:
    """The outward shape; never a secret."""
    return {
        "id": row.id,
        "url": row.url,
        "events": list(row.events),
        "project_id": row.project_id,
        "private_network": row.private_network,
        "enabled": row.disabled_at is None,
        "disabled_why": row.disabled_why,
        "failing_since": row.failing_since.isoformat() if row.failing_since else None,
        "created_at": row.created_at.isoformat(),
    }


def describe_delivery(row: WebhookDelivery) -> dict[str, Any]:
    """The outward shape of one delivery."""
    return {
        "id": row.id,
        "event_id": row.event_id,
        "type": row.event_type,
        "state": row.state,
        "tries": row.tries,
        "next_at": row.next_at.isoformat() if row.next_at else None,
        "created_at": row.created_at.isoformat(),
        "log": list(row.log),
    }


def new_event_id() -> str:
    """Names an event for good: receivers leave out what they have seen under this id."""
    return f"msg_{uuid.uuid4().hex}"


def _checked(url: str, events: Collection[str], *, private_network: bool) -> tuple[str, list[str]]:
    try:
        parse(url.strip(), private_network=private_network)
    except BadTarget as error:
        raise Refused(refusal(error), field="url") from error
    unknown = sorted(set(events) - EVENTS.keys())
    if unknown:
        raise Refused(f"There is no event {', '.join(unknown)}; there are: {', '.join(EVENTS)}.", field="events")
    return url.strip(), [name for name in EVENTS if name in events]


def _seal(vault: Vault, endpoint_id: int, secret: str) -> str:
    return vault.seal(secret.encode(), table=_TABLE, row=str(endpoint_id), column="secret")


def _get(session: Session, endpoint_id: int) -> WebhookEndpoint:
    row = session.get(WebhookEndpoint, endpoint_id)
    if row is None:
        raise Refused(f"There is no webhook endpoint {endpoint_id}.", code="not_found")
    return row
