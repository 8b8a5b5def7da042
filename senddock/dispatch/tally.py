"""What an attempt adds to the statistics, written in the transaction of its outcome.

One commit group of the recorder is summed up first, so its cost follows from the hours, providers, classes and domains
in it and not from the number of its messages.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from senddock.dispatch.blocks import unseal
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
    #: (domain as it is counted, class) of each recipient that got an answer.
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
    def write(pen: Pen, tallies: Iterable["Tally"]) -> None:
        """Add the tallies to their rows: three statements at most, however many tallies there are."""
        sums, exposures = Sums(), list[Exposure]()
        for tally in tallies:
            sums.add(tally)
            exposures += tally.exposures
        if exposures:
            count_exposures(pen, exposures)
        sums.write(pen)


def _counters() -> dict[tuple[Any, ...], Any]:
    return defaultdict(int)


@dataclass(slots=True)
class Sums:
    """Tallies summed up by the keys of their rows."""

    #: Recipients, attempts, attempts handed on, milliseconds.
    hours: dict[tuple[Any, ...], list[float]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0.0]))
    domains: dict[tuple[Any, ...], int] = field(default_factory=_counters)
    latencies: dict[tuple[Any, ...], int] = field(default_factory=_counters)

    def add(self, tally: Tally) -> None:
        """Count one attempt."""
        sign = tally.sign
        hour = tally.at.replace(minute=0, second=0, microsecond=0)
        day = hour.replace(hour=0)
        row = self.hours[hour, tally.stream_id, tally.provider_id, tally.verdict_class]
        row[1] += sign
        row[2] += sign * tally.failed_over
        row[3] += sign * tally.duration_ms
        for domain, verdict_class in tally.recipients:
            self.hours[hour, tally.stream_id, tally.provider_id, verdict_class][0] += sign
            self.domains[day, tally.stream_id, tally.provider_id, domain, verdict_class] += sign
        if tally.verdict_class == _ACCEPTED:
            self.latencies[hour, tally.stream_id, tally.provider_id, bucket_of(tally.duration_ms)] += sign

    def write(self, pen: Pen) -> None:
        """Add them to the rows."""
        unseal(pen, {key[0] for key in self.hours}, datetime.now(UTC))
        hours = {key: (int(row[0]), int(row[1]), int(row[2]), row[3]) for key, row in self.hours.items()}
        add_sums(pen, _HOURS, hours)
        add_sums(pen, _DOMAINS, {key: (number,) for key, number in self.domains.items()})
        add_sums(pen, _LATENCIES, {key: (number,) for key, number in self.latencies.items()})


def recipients_of(detail: Any, named: frozenset[str]) -> list[tuple[str, str]] | None:
    """What an attempt's detail says of its recipients, as a tally counts them; ``None`` when it does not list them."""
    listed = detail.get("recipients")
    if listed is None:
        return None
    return [(counted_as(item["recipient"].rpartition("@")[2], named), item["class"]) for item in listed]


def in_doubt(attempt: Any, stream_id: int, at: datetime, named: frozenset[str]) -> Tally:
    """What recovery counts for an attempt whose outcome nobody knows; its detail lists the recipients."""
    recipients = recipients_of(attempt.detail, named) or []
    return Tally(at, stream_id, attempt.provider_id, VerdictClass.UNCERTAIN.value, recipients, 0.0, failed_over=False)


def pen_of(connection: Connection) -> Pen:
    """For callers with a transaction of their own."""
    return Pen(connection.dialect, connection.connection.cursor())
