"""What an attempt adds to the statistics, written in the transaction of its outcome.

One commit group of the recorder is summed up first, so its cost follows from the hours, providers, classes and domains
in it and not from the number of its messages.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from senddock.domain.latency import bucket_of
from senddock.domain.mailbox import counted_as
from senddock.domain.verdict import VerdictClass
from senddock.models import DomainRollup, HourlyRollup, LatencyRollup
from senddock.models.prepared import Pen, Prepared

_ACCEPTED = VerdictClass.ACCEPTED.value
_Row = type[HourlyRollup] | type[DomainRollup] | type[LatencyRollup]


def _adding(row: _Row, *sums: str) -> tuple[Prepared, list[str]]:
    """INSERT that adds to the row when it is there already. The text PostgreSQL has for it is SQLite's too."""
    statement = insert(row)
    added = {name: getattr(row, name) + getattr(statement.excluded, name) for name in sums}
    keys = [column.key for column in row.__table__.primary_key]
    prepared = Prepared(statement.on_conflict_do_update(index_elements=keys, set_=added), [*keys, *sums])
    return prepared, [*keys, *sums]


_HOURS = _adding(HourlyRollup, "recipients", "attempts", "failed_over", "duration_ms")
_DOMAINS = _adding(DomainRollup, "recipients")
_LATENCIES = _adding(LatencyRollup, "attempts")


@dataclass(frozen=True, slots=True)
class Tally:
    """One attempt's contribution."""

    #: When the attempt ended.
    at: datetime
    stream_id: int
    provider_id: int
    verdict_class: str
    #: (domain, class) of each recipient that got an answer.
    recipients: Sequence[tuple[str, str]]
    duration_ms: float
    failed_over: bool
    #: -1 takes back what was counted before it was known better.
    sign: int = 1

    def taken_back(self) -> "Tally":
        """The same with the opposite sign."""
        return replace(self, sign=-self.sign)

    @staticmethod
    def write(pen: Pen, tallies: Iterable["Tally"], named: frozenset[str] = frozenset()) -> None:
        """Add the tallies to their rows: three statements at most, however many tallies there are.

        ``named`` are domains counted by name besides the well-known ones.
        """
        hours: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
        domains: dict[tuple[Any, ...], int] = defaultdict(int)
        latencies: dict[tuple[Any, ...], int] = defaultdict(int)
        for tally in tallies:
            sign = tally.sign
            hour = tally.at.replace(minute=0, second=0, microsecond=0)
            day = hour.replace(hour=0)
            row = hours[hour, tally.stream_id, tally.provider_id, tally.verdict_class]
            row[1] += sign
            row[2] += sign * tally.failed_over
            row[3] += sign * tally.duration_ms
            for domain, verdict_class in tally.recipients:
                hours[hour, tally.stream_id, tally.provider_id, verdict_class][0] += sign
                domains[day, tally.stream_id, tally.provider_id, counted_as(domain, named), verdict_class] += sign
            if tally.verdict_class == _ACCEPTED:
                latencies[hour, tally.stream_id, tally.provider_id, bucket_of(tally.duration_ms)] += sign
        _add(pen, _HOURS, {key: (int(row[0]), int(row[1]), int(row[2]), row[3]) for key, row in hours.items()})
        _add(pen, _DOMAINS, {key: (number,) for key, number in domains.items()})
        _add(pen, _LATENCIES, {key: (number,) for key, number in latencies.items()})


def in_doubt(attempt: Any, stream_id: int, at: datetime) -> Tally:
    """What recovery counts for an attempt whose outcome nobody knows; its detail lists the recipients."""
    recipients = [
        (item["recipient"].rpartition("@")[2], item["class"]) for item in attempt.detail.get("recipients", ())
    ]
    return Tally(at, stream_id, attempt.provider_id, VerdictClass.UNCERTAIN.value, recipients, 0.0, failed_over=False)


def pen_of(connection: Connection) -> Pen:
    """For callers with a transaction of their own."""
    return Pen(connection.dialect, connection.connection.cursor())


def _add(pen: Pen, target: tuple[Prepared, list[str]], sums: dict[tuple[Any, ...], tuple[float, ...]]) -> None:
    statement, names = target
    # Sorted, so that two writers take the rows in the same order and cannot wait for each other in a circle.
    statement.many(pen, [dict(zip(names, (*key, *values), strict=True)) for key, values in sorted(sums.items())])
