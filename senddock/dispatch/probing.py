"""Seeing whether a failing provider is back, without risking a message: connect, TLS, EHLO, AUTH, NOOP, QUIT."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from sqlalchemy import update

from senddock.dispatch.health import Health, Scope
from senddock.dispatch.roster import Roster
from senddock.domain.breaker import probed, probing
from senddock.domain.status import Status
from senddock.models import Database, Message, Provider
from senddock.secrets.vault import SealBroken, WrongMasterKey
from senddock.smtp.fault import WireFault
from senddock.smtp.session import Session

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: What a provider's return heals: messages deferred for these reasons are looked at again at once.
_HEALED = (
    "connection",
    "tls",
    "server_transient",
    "auth",
    "quota_exceeded",
    "sender_not_verified",
    "relay_denied",
)


class Prober:
    """Probes each provider whose breaker asks for it, one worker at a time."""

    def __init__(
        self,
        database: Database,
        roster: Roster,
        health: Health,
        redis: "Redis | None",
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._roster = roster
        self._health = health
        self._redis = redis
        self._now = now
        self._running: set[Scope] = set()
        self._version = roster.snapshot().version

    def look(self) -> None:
        """Start a probe for each breaker that is due; returns at once."""
        now = self._now()
        version = self._roster.snapshot().version
        if version != self._version:
            # Somebody changed a provider: what was held against it before may be mended.
            self._health.reconcile(now)
            self._release()
            # Only now: when the database was away just then, the next look has to do it.
            self._version = version
        for scope, breaker in list(self._health.all().items()):
            provider = self._roster.snapshot().providers.get(scope[0])
            if scope[1] or provider is None or not breaker.wants_probe(now) or scope in self._running:
                continue
            if not self._mine(scope):
                continue
            self._running.add(scope)
            threading.Thread(target=self._probe, args=(scope, provider), name="probe", daemon=True).start()

    def _mine(self, scope: Scope) -> bool:
        """True for one worker only; without Redis each worker probes for itself."""
        if self._redis is None:
            return True
        try:
            return bool(self._redis.set(f"senddock:probe:{scope[0]}", "1", nx=True, ex=30))
        except RedisError:
            return True

    def _probe(self, scope: Scope, provider: Provider) -> None:
        try:
            self._health.change(scope, lambda known: probing(known, self._now()), self._now())
            ok, text = self._sign_in(provider)
            log.info("probe of %s: %s", provider.name, text)
            self._health.change(scope, lambda known: probed(known, ok=ok, text=text, now=self._now()), self._now())
            if ok:
                self._release()
        except Exception:
            # A probe that cannot be recorded is lost; the breaker asks for another one.
            log.exception("the probe of %s met a defect", provider.name)
        finally:
            self._running.discard(scope)
            self._release_lock(scope)

    def _sign_in(self, provider: Provider) -> tuple[bool, str]:
        try:
            session = Session.open(self._roster.target(provider))
            session.wait(session.noop())
            session.wait(session.quit())
        except WireFault as error:
            return False, error.reply.line()
        except (WrongMasterKey, SealBroken) as error:
            return False, str(error)
        return True, "the provider answers again"

    def _release(self) -> None:
        """Mail that waits only because providers were failing need not wait for its schedule."""
        now = self._now()
        with self._database.transaction() as connection:
            connection.execute(
                update(Message)
                .where(
                    Message.state == Status.DEFERRED.value,
                    Message.due_at.is_not(None),
                    Message.due_at > now,
                    Message.last_class.is_(None) | Message.last_class.in_(_HEALED),
                )
                .values(due_at=now)
            )

    def _release_lock(self, scope: Scope) -> None:
        if self._redis is not None:
            try:
                self._redis.delete(f"senddock:probe:{scope[0]}")
            except RedisError as error:
                log.warning("Redis does not answer: %s", error)
