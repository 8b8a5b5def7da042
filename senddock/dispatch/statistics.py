"""Hourly statistics, written in the transaction of the outcomes they count."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert

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
