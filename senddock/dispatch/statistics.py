"""Hourly statistics, written in the transaction of the outcomes they count."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from senddock.domain.verdict import VerdictClass
from senddock.models import HourlyRollup, LatencyRollup
from senddock.models.prepared import Pen, Prepared

#: Upper bounds of the latency histogram in milliseconds; each is about half as large again as the one before.
BUCKETS = (5, 10, 20, 35, 50, 75, 100, 150, 250, 400, 600, 1000, 1500, 2500, 4000, 6000, 10000, 20000, 60000, 300000)
#: Domains that are counted by name; the others are counted together, so that the table does not grow with the world.
_NAMED_DOMAINS = frozenset(
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com aol.com icloud.com me.com "
    "mac.com gmx.de gmx.net web.de t-online.de yandex.ru mail.ru proton.me protonmail.com zoho.com fastmail.com "
    "orange.fr free.fr libero.it qq.com 163.com naver.com comcast.net".split()
)


def _adding(row: type[HourlyRollup] | type[LatencyRollup], *sums: str) -> Prepared:
    """INSERT that adds to the row when it is there already. The text PostgreSQL has for it is SQLite's too."""
    statement = insert(row)
    added = {name: getattr(row, name) + getattr(statement.excluded, name) for name in sums}
    keys = [column.key for column in row.__table__.primary_key]
    names = [column.key for column in row.__table__.columns]
    return Prepared(statement.on_conflict_do_update(index_elements=keys, set_=added), names)


_ADD_COUNTS = _adding(HourlyRollup, "recipients", "attempts", "failed_over", "duration_ms")
_ADD_LATENCIES = _adding(LatencyRollup, "attempts")


@dataclass(frozen=True, slots=True)
class Tally:
    """One attempt's contribution: one row for each class and recipient domain."""

    hour: datetime
    stream_id: int
    provider_id: int
    #: (domain, class) of each recipient that got an answer.
    recipients: Sequence[tuple[str, str]]
    duration_ms: float
    failed_over: bool

    @staticmethod
    def write(pen: Pen, tallies: Iterable["Tally"]) -> None:
        """Add the tallies to the hour's rows, one statement a table however many there are."""
        counts: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
        latencies: dict[tuple[Any, ...], int] = defaultdict(int)
        for tally in tallies:
            seen = set()
            for domain, verdict_class in tally.recipients:
                key = (tally.hour, tally.stream_id, tally.provider_id, _counted_as(domain), verdict_class)
                row = counts[key]
                row[0] += 1
                if key not in seen:
                    row[1] += 1
                    row[2] += tally.failed_over
                    row[3] += tally.duration_ms
                    seen.add(key)
            if any(verdict_class == VerdictClass.ACCEPTED.value for _, verdict_class in tally.recipients):
                latencies[tally.hour, tally.stream_id, tally.provider_id, bucket_of(tally.duration_ms)] += 1
        if counts:
            _add_counts(pen, counts)
        if latencies:
            _add_latencies(pen, latencies)


def bucket_of(milliseconds: float) -> int:
    """The bound of the histogram's bucket that ``milliseconds`` falls into; the last bucket takes what is longer."""
    return next((bound for bound in BUCKETS if milliseconds <= bound), BUCKETS[-1])


def _counted_as(domain: str) -> str:
    return domain if domain in _NAMED_DOMAINS else "other"


def _add_counts(pen: Pen, counts: dict[tuple[Any, ...], list[float]]) -> None:
    rows = [
        {
            "hour": hour,
            "stream_id": stream_id,
            "provider_id": provider_id,
            "domain": domain,
            "verdict_class": verdict_class,
            "recipients": int(recipients),
            "attempts": int(attempts),
            "failed_over": int(failed_over),
            "duration_ms": duration,
        }
        # Sorted, so that two writers take the rows in the same order and cannot wait for each other in a circle.
        for (hour, stream_id, provider_id, domain, verdict_class), (
            recipients,
            attempts,
            failed_over,
            duration,
        ) in sorted(counts.items())
    ]
    _ADD_COUNTS.many(pen, rows)


def _add_latencies(pen: Pen, latencies: dict[tuple[Any, ...], int]) -> None:
    rows = [
        {"hour": hour, "stream_id": stream_id, "provider_id": provider_id, "bucket": bucket, "attempts": attempts}
        for (hour, stream_id, provider_id, bucket), attempts in sorted(latencies.items())
    ]
    _ADD_LATENCIES.many(pen, rows)


def last_day(session: Session, now: datetime) -> dict[str, tuple[int, int]]:
    """Recipients of the last 24 hours and of the 24 hours before, by outcome."""
    groups = {
        "accepted": [VerdictClass.ACCEPTED.value],
        "uncertain": [VerdictClass.UNCERTAIN.value],
        "soft_bounces": [VerdictClass.RECIPIENT_TRANSIENT.value, VerdictClass.GREYLISTED.value],
        "refused": [
            VerdictClass.RECIPIENT_PERMANENT.value,
            VerdictClass.CONTENT_REJECTED.value,
            VerdictClass.MESSAGE_TOO_LARGE.value,
        ],
    }
    found: dict[str, list[int]] = {name: [0, 0] for name in groups}
    begin = now - timedelta(hours=48)
    rows = session.execute(
        select(HourlyRollup.hour, HourlyRollup.verdict_class, func.sum(HourlyRollup.recipients))
        .where(HourlyRollup.hour >= begin)
        .group_by(HourlyRollup.hour, HourlyRollup.verdict_class)
    ).all()
    for hour, verdict_class, number in rows:
        for name, classes in groups.items():
            if verdict_class in classes:
                found[name][0 if hour >= now - timedelta(hours=24) else 1] += number
    return {name: (pair[0], pair[1]) for name, pair in found.items()}


def by_provider(session: Session, now: datetime) -> dict[int, dict[str, Any]]:
    """Attempts of the last 24 hours by provider: all, accepted, handed on, and the mean time to an answer."""
    rows = session.execute(
        select(
            HourlyRollup.provider_id,
            HourlyRollup.verdict_class,
            func.sum(HourlyRollup.attempts),
            func.sum(HourlyRollup.failed_over),
            func.sum(HourlyRollup.duration_ms),
        )
        .where(HourlyRollup.hour >= now - timedelta(hours=24))
        .group_by(HourlyRollup.provider_id, HourlyRollup.verdict_class)
    ).all()
    found: dict[int, dict[str, Any]] = {}
    for provider_id, verdict_class, attempts, failed_over, duration in rows:
        entry = found.setdefault(
            provider_id, {"attempts": 0, "accepted": 0, "failed_over": 0, "ms": 0.0, "classes": {}}
        )
        entry["attempts"] += attempts
        entry["failed_over"] += failed_over
        if verdict_class == VerdictClass.ACCEPTED.value:
            entry["accepted"] += attempts
            entry["ms"] += duration
        else:
            entry["classes"][verdict_class] = attempts
    return found
