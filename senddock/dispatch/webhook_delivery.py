"""Sending what is due to webhook endpoints: an errand, never a worker's work.

Each endpoint has a turn of its own thread, so one that does not answer holds up nobody else; it is then left alone for a
while, so that its backlog costs one time-out and not one for each event. At least once, in no order: a receiver leaves out
what it has seen under the same ``webhook-id``.
"""

import logging
import random
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from sqlalchemy import or_, select, update

from senddock.dispatch import alerts, errands
from senddock.dispatch.outbox import utcnow
from senddock.dispatch.webhook_fanout import fan_out
from senddock.dispatch.webhooks import secrets_of
from senddock.domain.saying import Saying
from senddock.domain.webhook_schedule import held_until, is_given_up, next_try
from senddock.models import Database, WebhookDelivery, WebhookEndpoint, WebhookEvent
from senddock.secrets.vault import SealBroken, Vault, WrongMasterKey
from senddock.webhooks.post import TIMEOUT, Answer, post
from senddock.webhooks.signature import headers

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: Deliveries an endpoint gets in one turn, and endpoints served at a time.
_TURN, _AT_ONCE = 20, 8
#: Seconds after which a turn takes up no further delivery: the others wait for the slowest.
_LONGEST_TURN = 5.0
#: Longer than a turn can take: afterwards somebody else may send what a dead process had claimed.
_CLAIM = timedelta(seconds=(_TURN + 1) * TIMEOUT)
#: Seconds one errand works before it lets the others have a turn.
_BUDGET = 30.0
_PENDING = "senddock:webhooks-pending"
_GONE, _PAUSED = 410, (429, 503)


@dataclass(frozen=True, slots=True)
class _Tried:
    delivery: WebhookDelivery
    answer: Answer
    at: datetime


class Deliverer:
    """Carries out the errand; one for each process that works on errands."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        redis: "Redis | None" = None,
        *,
        now: Callable[[], datetime] = utcnow,
        timeout: float = TIMEOUT,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``tls`` replaces the system's trusted authorities."""
        self._database = database
        self._vault = vault
        self._redis = redis
        self._now = now
        self._timeout = timeout
        self._tls = tls

    def __call__(self) -> int:
        """Send what is due; answers how many requests were made."""
        if self._redis is not None:
            self._redis.delete(_PENDING)
        sent, started = 0, time.monotonic()
        fan_out(self._database, self._now())
        while (turns := self._claim()) and time.monotonic() - started < _BUDGET:
            with ThreadPoolExecutor(min(_AT_ONCE, len(turns)), thread_name_prefix="webhook") as pool:
                sent += sum(pool.map(lambda turn: self._serve(*turn), turns))
        return sent

    def _claim(self) -> list[tuple[WebhookEndpoint, Sequence[WebhookDelivery]]]:
        now = self._now()
        found = []
        with self._database.write() as session:
            endpoints = session.scalars(
                select(WebhookEndpoint).where(
                    WebhookEndpoint.disabled_at.is_(None),
                    or_(WebhookEndpoint.held_until.is_(None), WebhookEndpoint.held_until <= now),
                )
            ).all()
            for endpoint in endpoints:
                query = (
                    select(WebhookDelivery)
                    .where(
                        WebhookDelivery.endpoint_id == endpoint.id,
                        WebhookDelivery.next_at <= now,
                        or_(WebhookDelivery.claimed_until.is_(None), WebhookDelivery.claimed_until <= now),
                    )
                    .order_by(WebhookDelivery.next_at)
                    .limit(_TURN)
                )
                rows = session.scalars(
                    query if self._database.is_sqlite else query.with_for_update(skip_locked=True)
                ).all()
                for row in rows:
                    row.claimed_until = now + _CLAIM
                if rows:
                    found.append((endpoint, rows))
        return found

    def _serve(self, endpoint: WebhookEndpoint, rows: Sequence[WebhookDelivery]) -> int:
        """One endpoint's turn; ends early when it does not answer, asks for a pause, or takes its time."""
        tried: list[_Tried] = []
        until = time.monotonic() + _LONGEST_TURN
        for row in rows:
            answer = self._send(endpoint, row)
            tried.append(_Tried(row, answer, self._now()))
            if not answer.reached or answer.status in (*_PAUSED, _GONE) or time.monotonic() >= until:
                break
        self._record(endpoint.id, tried, [row.id for row in rows])
        return len(tried)

    def _send(self, endpoint: WebhookEndpoint, row: WebhookDelivery) -> Answer:
        now = self._now()
        try:
            secrets = secrets_of(endpoint, self._vault, now)
        except (SealBroken, WrongMasterKey) as error:
            return Answer(None, f"its signing secret cannot be opened: {error}", "", 0.0)
        # Each try is signed anew: receivers refuse a timestamp that is older than five minutes.
        signed = headers(secrets, row.event_id, int(now.timestamp()), row.payload)
        return post(
            endpoint.url,
            row.payload,
            signed,
            private_network=endpoint.private_network,
            timeout=self._timeout,
            tls=self._tls,
        )

    def _record(self, endpoint_id: int, tried: Sequence[_Tried], claimed: Sequence[int]) -> None:
        with self._database.write() as session:
            session.execute(update(WebhookDelivery).where(WebhookDelivery.id.in_(claimed)).values(claimed_until=None))
            endpoint = session.get(WebhookEndpoint, endpoint_id)
            if endpoint is None:
                return
            for item in tried:
                row = session.get(WebhookDelivery, item.delivery.id)
                if row is not None:
                    _settle(row, item)
                _judge(endpoint, item)
            if endpoint.disabled_at is not None and endpoint.disabled_why is not None:
                raised = alerts.Raised(
                    key=f"webhook:{endpoint.id}",
                    kind="webhook",
                    severity="warn",
                    title=Saying("A webhook endpoint was disabled"),
                    text=Saying("%(url)s: %(why)s", {"url": endpoint.url, "why": endpoint.disabled_why}),
                    link=f"/webhooks/{endpoint.id}",
                )
                alerts.raise_alert(session, raised, self._now())


def due(database: Database, now: datetime) -> bool:
    """True when there is something to tell."""
    pending = (
        select(WebhookDelivery.id)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(
            WebhookEndpoint.disabled_at.is_(None),
            or_(WebhookEndpoint.held_until.is_(None), WebhookEndpoint.held_until <= now),
            WebhookDelivery.next_at <= now,
            or_(WebhookDelivery.claimed_until.is_(None), WebhookDelivery.claimed_until <= now),
        )
    )
    with database.connect() as connection:
        if connection.execute(select(WebhookEvent.id).limit(1)).first() is not None:
            return True
        return connection.execute(pending.limit(1)).first() is not None


def ask(redis: "Redis") -> None:
    """Queue the errand unless it is queued already. Never raises: the clock asks again."""
    try:
        if redis.set(_PENDING, "1", nx=True, px=30_000):
            errands.enqueue(redis, errands.deliver_webhooks)
    except RedisError as error:
        log.warning("webhooks wait for Redis: %s", error)


def _settle(row: WebhookDelivery, item: _Tried) -> None:
    answer = item.answer
    row.tries += 1
    entry: dict[str, Any] = {"at": item.at.isoformat(), "seconds": round(answer.seconds, 3), "status": answer.status}
    row.log = [*row.log, {**entry, "error": answer.error, "text": answer.text}][-20:]
    following = None
    if not answer.delivered:
        chance = random.random()  # noqa: S311 - jitter, not a secret
        following = next_try(row.tries, item.at, chance=chance, asked=answer.retry_after)
    row.next_at = following
    if following is None:
        row.state, row.finished_at = "delivered" if answer.delivered else "failed", item.at


def _judge(endpoint: WebhookEndpoint, item: _Tried) -> None:
    answer, now = item.answer, item.at
    if answer.delivered:
        endpoint.failing_since = endpoint.held_until = None
        return
    endpoint.failing_since = endpoint.failing_since or now
    if answer.status == _GONE:
        endpoint.disabled_at, endpoint.disabled_why = now, "it answered 410 Gone: it does not want to be told any more"
    elif is_given_up(endpoint.failing_since, now):
        why = answer.error or f"its last answer was {answer.status}"
        endpoint.disabled_at, endpoint.disabled_why = now, f"nothing could be delivered for 5 days ({why})"
    elif not answer.reached:
        endpoint.held_until = held_until(now - endpoint.failing_since, now)
    elif answer.status in _PAUSED:
        endpoint.held_until = now + timedelta(seconds=min(answer.retry_after or 5, 6 * 3600))
