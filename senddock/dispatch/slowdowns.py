"""Providers that said "too fast": their pace is halved and grows back by itself, for all workers and for a person to see."""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from senddock.domain.pacing import Slowdown, slowed
from senddock.models import Attempt, Database, Provider, SlowdownState, StorageUnavailable

log = logging.getLogger(__name__)

#: Seconds for which what is known is used before it is read again.
_FRESH = 1.0
#: Seconds over which the pace is measured of a provider without a limit.
_MEASURED = 10.0


class Slowdowns:
    """Kept in the database: it is written once for each halving, and read at most once a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Mapping[int, Slowdown] = {}
        self._read_at = float("-inf")

    def of(self, provider_id: int) -> Slowdown | None:
        """What slows this provider; it may have recovered since."""
        if time.monotonic() - self._read_at >= _FRESH:
            self._read_at = time.monotonic()
            try:
                with self._database.read() as session:
                    self._known = slowdowns(session)
            except StorageUnavailable as error:
                log.warning("slowed providers keep the pace that is known: %s", error)
        return self._known.get(provider_id)

    def note(self, provider: Provider, pace: float | None, now: datetime) -> None:
        """Halve the pace of ``provider``; ``pace`` is its limit in messages a second, if it has one."""
        known = self.of(provider.id)
        after = slowed(known, pace=pace if pace is not None else self._measured(provider.id, now), now=now)
        if after == known:
            return
        self._known = {**self._known, provider.id: after}
        log.warning("%s says too fast: from %.2f to %.2f messages a second", provider.name, after.full, after.pace)
        values = {"provider_id": provider.id, "pace": after.pace, "full_pace": after.full, "since": after.since}
        try:
            with self._database.transaction() as connection:
                insert = (sqlite if self._database.is_sqlite else postgresql).insert(SlowdownState)
                connection.execute(
                    insert.values(values).on_conflict_do_update(index_elements=["provider_id"], set_=values)
                )
        except StorageUnavailable as error:
            log.warning("only this worker knows that %s is slowed down: %s", provider.name, error)

    def _measured(self, provider_id: int, now: datetime) -> float:
        with self._database.connect() as connection:
            recent = connection.execute(
                select(func.count())
                .select_from(Attempt)
                .where(Attempt.provider_id == provider_id, Attempt.started_at >= now - timedelta(seconds=_MEASURED))
            ).scalar_one()
        return max(1.0, recent / _MEASURED)


def pace_of(database: Database, provider_id: int) -> dict[str, Any] | None:
    """What slows a provider just now, for a person: messages a second, the full pace, and when that is back."""
    with database.read() as session:
        slow = slowdowns(session).get(provider_id)
    now = datetime.now(UTC)
    pace = slow.pace_at(now) if slow is not None else None
    if slow is None or pace is None:
        return None
    return {
        "per_second": round(pace, 2),
        "full_per_second": round(slow.full, 2),
        "recovers_at": slow.recovers_at.isoformat(),
    }


def slowdowns(session: Session) -> dict[int, Slowdown]:
    """Every provider that was slowed down, whether or not it has recovered since."""
    return {
        row.provider_id: Slowdown(row.pace, row.full_pace, row.since) for row in session.scalars(select(SlowdownState))
    }
