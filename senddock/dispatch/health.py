"""The breakers of all providers, shared through Redis, with a copy in the database for when Redis has forgotten.

Every change goes through a compare-and-set on the stored text, so two workers that see the same failure do not overwrite
each other. Without Redis each worker keeps to its own view and the database's copy.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from sqlalchemy import insert as insert_row
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from senddock.domain.breaker import Breaker, Phase
from senddock.models import BreakerState, Database, Incident, StorageUnavailable

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

_KEY = "senddock:breakers"
#: Member that is there while Redis has not forgotten the others.
_BUILT = b"built"
#: Seconds for which the shared state is used before it is read again.
_FRESH = 0.1
_COMPARE_AND_SET = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
if (known or '') ~= ARGV[2] then return known or '' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return false
"""
#: Provider id and From domain; the domain is empty for the whole provider.
Scope = tuple[int, str]
_CLOSED = Breaker()


class Health:
    """What is known of the providers' health; safe to use from the planner and from lanes."""

    def __init__(self, database: Database, redis: "Redis | None") -> None:
        self._database = database
        self._redis = redis
        self._lock = threading.Lock()
        self._known: dict[Scope, Breaker] = {}
        self._read_at = 0.0
        self._loaded = False

    def all(self) -> Mapping[Scope, Breaker]:
        """Every breaker that is not pristine, at most a tenth of a second old."""
        if time.monotonic() - self._read_at >= _FRESH:
            self._read()
        return self._known

    def get(self, scope: Scope) -> Breaker:
        """One breaker; a closed one when nothing is known."""
        return self.all().get(scope, _CLOSED)

    def change(self, scope: Scope, step: Callable[[Breaker], Breaker], now: datetime) -> tuple[Breaker, Breaker]:
        """Apply ``step`` to the newest state; returns the state before and after. ``step`` may be called again."""
        with self._lock:
            before, after = self._exchange(scope, step)
            if after != before:
                self._known = {**self._known, scope: after}
        if after != before and after.phase is not before.phase:
            try:
                self._mirror(scope, before, after, now)
            except StorageUnavailable as error:
                # The breaker works without its durable copy; mail must not wait for it.
                log.warning("the state of provider %s is not on disk: %s", scope[0], error)
        return before, after

    def reconcile(self, now: datetime) -> bool:
        """Close what a person has forgiven (its durable copy is gone); True when something was closed."""
        kept = set(self._from_mirror())
        forgiven = [
            scope
            for scope, breaker in self.all().items()
            if breaker.phase is not Phase.CLOSED and f"{scope[0]}|{scope[1]}" not in kept
        ]
        for scope in forgiven:
            self.change(scope, lambda _: _CLOSED, now)
        return bool(forgiven)

    def _exchange(self, scope: Scope, step: Callable[[Breaker], Breaker]) -> tuple[Breaker, Breaker]:
        before = self.get(scope)
        if self._redis is not None:
            member = f"{scope[0]}|{scope[1]}"
            try:
                stored = self._redis.hget(_KEY, member)
                text = _text(stored)
                for _ in range(20):
                    before = Breaker.from_json(json.loads(text)) if text else before
                    after = step(before)
                    if after == before:
                        return before, after
                    lost = self._redis.eval(_COMPARE_AND_SET, 1, _KEY, member, text, json.dumps(after.to_json()))
                    if lost is None:
                        return before, after
                    text = _text(lost)
            except RedisError as error:
                log.warning("breaker of provider %s is kept in this process only: %s", scope[0], error)
        return before, step(before)

    def _read(self) -> None:
        self._read_at = time.monotonic()
        stored: dict[Any, Any] = {}
        try:
            if self._redis is not None:
                stored = self._redis.hgetall(_KEY)
                if _BUILT not in stored:
                    # Redis is new or came back empty: tell it what is known, and leave alone what others told it since.
                    stored = {**self._publish(), **stored}
            elif not self._loaded:
                stored = self._from_mirror()
            else:
                return
        except RedisError:
            # What this process knew stays in force: an unreachable Redis must not close an open breaker.
            if self._loaded:
                return
            stored = self._from_mirror()
        self._loaded = True
        stored.pop(_BUILT, None)
        known: dict[Scope, Breaker] = {}
        for member, text in stored.items():
            provider_id, _, domain = _text(member).partition("|")
            breaker = Breaker.from_json(json.loads(_text(text)))
            if breaker != _CLOSED:
                known[int(provider_id), domain] = breaker
        self._known = known

    def _from_mirror(self) -> dict[Any, Any]:
        with self._database.read() as session:
            rows = session.scalars(select(BreakerState)).all()
            return {f"{row.provider_id}|{row.domain}": json.dumps(row.state) for row in rows}

    def _publish(self) -> dict[Any, Any]:
        """Put the durable copy into Redis. Raises ``RedisError``."""
        assert self._redis is not None
        mirror = self._from_mirror()
        for member, text in mirror.items():
            self._redis.hsetnx(_KEY, member, text)
        self._redis.hset(_KEY, _BUILT, "1")
        return {member.encode(): text for member, text in mirror.items()}

    def _mirror(self, scope: Scope, before: Breaker, after: Breaker, now: datetime) -> None:
        """Keep the durable copy and the incident that a person reads."""
        provider_id, domain = scope
        values = {"provider_id": provider_id, "domain": domain, "state": after.to_json(), "updated_at": now}
        with self._database.transaction() as connection:
            insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(BreakerState)
            connection.execute(
                insert.values(values).on_conflict_do_update(
                    index_elements=[BreakerState.provider_id, BreakerState.domain],
                    set_={"state": insert.excluded.state, "updated_at": insert.excluded.updated_at},
                )
            )
            opened = before.phase is Phase.CLOSED and after.phase in (Phase.OPEN, Phase.PAUSED)
            if opened:
                connection.execute(
                    insert_row(Incident).values(
                        provider_id=provider_id,
                        domain=domain,
                        opened_at=now,
                        verdict_class=after.verdict_class,
                        text=after.text,
                    )
                )
            elif after.phase is Phase.CLOSED:
                connection.execute(
                    update(Incident)
                    .where(Incident.provider_id == provider_id, Incident.domain == domain, Incident.closed_at.is_(None))
                    .values(closed_at=now)
                )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else (value or "")
