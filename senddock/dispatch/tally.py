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

from senddock.dispatch.exposure import Exposure, count_exposures
from senddock.dispatch.sums import add_sums, adding
from senddock.domain.latency import bucket_of
from senddock.domain.mailbox import counted_as
from senddock.domain.verdict import VerdictClass
from senddock.models import DomainRollup, HourlyRollup, LatencyRollup
from senddock.models.prepared import Pen

_ACCEPTED = VerdictClass.ACCEPTED.value
_HOURS = adding(HourlyRollup, "recipients", "attempts", "failed_over", "duration_ms")
_DOMAINS = adding(DomainRollup, "recipients")
_LATENCIES = adding(LatencyRollup, "attempts")


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
    exposures: Sequence[Exposure] = ()

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
        exposures: list[Exposure] = []
        for tally in tallies:
            sign = tally.sign
            exposures += tally.exposures
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
        if exposures:
            count_exposures(pen, exposures)
        add_sums(pen, _HOURS, {key: (int(row[0]), int(row[1]), int(row[2]), row[3]) for key, row in hours.items()})
        add_sums(pen, _DOMAINS, {key: (number,) for key, number in domains.items()})
        add_sums(pen, _LATENCIES, {key: (number,) for key, number in latencies.items()})


def in_doubt(attempt: Any, stream_id: int, at: datetime) -> Tally:
    """What recovery counts for an attempt whose outcome nobody knows; its detail lists the recipients."""
    recipients = [
        (item["recipient"].rpartition("@")[2], item["class"]) for item in attempt.detail.get("recipients", ())
    ]
    return Tally(at, stream_id, attempt.provider_id, VerdictClass.UNCERTAIN.value, recipients, 0.0, failed_over=False)


def pen_of(connection: Connection) -> Pen:
    """For callers with a transaction of their own."""
    return Pen(connection.dialect, connection.connection.cursor())
