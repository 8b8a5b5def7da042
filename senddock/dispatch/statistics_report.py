"""The statistics page and its export: what went out over a span, by provider, stream, class and recipient domain."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from senddock.dispatch import block_sums, blocks
from senddock.dispatch.statistics import ACCEPTED, GROUPS, Series, end_of, folded
from senddock.domain.latency import quantile
from senddock.domain.span import Span
from senddock.models import Database, DomainRollup, HourlyRollup

_SOFT = GROUPS["soft_bounces"]
_NAMES = {"accepted": "accepted", "soft_bounces": "soft", "refused": "refused", "uncertain": "uncertain"}
#: Class to the figure of `Totals` it counts in.
_COUNTED_AS = {verdict_class: _NAMES[group] for group, classes in GROUPS.items() for verdict_class in classes}
#: Recipient domains shown; the export has all of them.
_SHOWN_DOMAINS = 15
_BY_HOUR = (
    select(HourlyRollup.__table__)
    .where(HourlyRollup.hour >= bindparam("begin"), HourlyRollup.hour < bindparam("end"))
    .order_by(HourlyRollup.hour)
)
_BY_DOMAIN = (
    select(DomainRollup.__table__)
    .where(DomainRollup.day >= bindparam("begin"), DomainRollup.day < bindparam("end"))
    .order_by(DomainRollup.day)
)


@dataclass(slots=True)
class Totals:
    """Recipients by outcome, and attempts handed on, of one provider, stream or domain."""

    accepted: int = 0
    soft: int = 0
    refused: int = 0
    uncertain: int = 0
    #: Faults of provider or sender.
    faults: int = 0
    attempts: int = 0
    failed_over: int = 0
    p50: float | None = None
    p95: float | None = None

    def add(self, verdict_class: str, recipients: int) -> None:
        """Count ``recipients`` with this outcome."""
        name = _COUNTED_AS.get(verdict_class, "faults")
        setattr(self, name, getattr(self, name) + recipients)

    @property
    def recipients(self) -> int:
        """All of them."""
        return self.accepted + self.soft + self.refused + self.uncertain + self.faults


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows."""

    span: Span
    accepted: Series
    soft: Series
    failures: Series
    latency: Series
    providers: Mapping[int, Totals]
    streams: Mapping[int, Totals]
    domains: Mapping[str, Totals]
    classes: Mapping[str, int] = field(default_factory=dict)


def report(
    session: Session, now: datetime, span: Span, *, stream_id: int | None = None, provider_id: int | None = None
) -> Report:
    """Read it; the cost follows from the span, never from the number of messages."""
    starts = span.starts(now)
    chosen = {"stream_id": stream_id, "provider_id": provider_id}
    pieces = block_sums.stretches(session, starts[0], end_of(now), span.step)
    keys = ("at", "provider_id", "verdict_class")
    steps = list(block_sums.totals(session, blocks.OUTCOMES, pieces, keys, ("recipients",), chosen))
    providers: dict[int, Totals] = defaultdict(Totals)
    streams: dict[int, Totals] = defaultdict(Totals)
    classes: dict[str, int] = defaultdict(int)
    keys, sums = ("stream_id", "provider_id", "verdict_class"), ("recipients", "attempts", "failed_over")
    for row in block_sums.totals(session, blocks.OUTCOMES, pieces, keys, sums, chosen):
        for totals in (providers[row[1]], streams[row[0]]):
            totals.add(row[2], row[3])
            totals.attempts += row[4]
            totals.failed_over += row[5]
        classes[row[2]] += row[3]
    latency = _latency(session, span, starts, pieces, chosen, providers)
    return Report(
        span,
        folded(span, starts, [(row[0], row[1], row[3]) for row in steps if row[2] == ACCEPTED]),
        folded(span, starts, [(row[0], row[1], row[3]) for row in steps if row[2] in _SOFT]),
        folded(span, starts, [(row[0], row[2], row[3]) for row in steps if row[2] != ACCEPTED]),
        latency,
        dict(sorted(providers.items())),
        dict(sorted(streams.items())),
        _domains(session, starts[0], now, chosen),
        dict(sorted(classes.items(), key=lambda item: (-item[1], item[0]))),
    )


def export(database: Database, now: datetime, span: Span, by: str) -> Iterator[Sequence[Any]]:
    """Rows for a spreadsheet, headings first; ``by`` is ``hour`` or ``domain`` (which is kept by day).

    Read day by day while they are sent: a month has tens of thousands, and nobody waits for the last one.
    """
    begin = span.starts(now)[0]
    if by == "domain":
        query, begin = _BY_DOMAIN, _day(begin)
        yield ("day", "stream_id", "provider_id", "domain", "class", "recipients")
    else:
        query = _BY_HOUR
        yield ("hour", "stream_id", "provider_id", "class", "recipients", "attempts", "failed_over", "duration_ms")
    last = end_of(now)
    while begin < last:
        end = begin + timedelta(days=1)
        with database.connect() as connection:
            rows = connection.execute(query, {"begin": begin, "end": end}).all()
        for row in rows:
            yield (row[0].isoformat(), *row[1:])
        begin = end


def _latency(
    session: Session,
    span: Span,
    starts: Sequence[datetime],
    pieces: Sequence[block_sums.Stretch],
    chosen: Mapping[str, int | None],
    providers: Mapping[int, Totals],
) -> Series:
    steps: dict[datetime, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for moment, bucket, attempts in block_sums.totals(
        session, blocks.LATENCIES, pieces, ("at", "bucket"), ("attempts",), chosen
    ):
        steps[span.floor(moment)][bucket] += attempts
    whole: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for provider_id, bucket, attempts in block_sums.totals(
        session, blocks.LATENCIES, pieces, ("provider_id", "bucket"), ("attempts",), chosen
    ):
        whole[provider_id][bucket] += attempts
    for provider_id, histogram in whole.items():
        if provider_id in providers:
            providers[provider_id].p50 = quantile(histogram, 0.5)
            providers[provider_id].p95 = quantile(histogram, 0.95)
    lines = {
        name: [quantile(steps.get(start, {}), share) for start in starts]
        for name, share in (("p50", 0.5), ("p95", 0.95))
    }
    return Series(starts, span.step, lines)


def _domains(
    session: Session, begin: datetime, now: datetime, chosen: Mapping[str, int | None]
) -> Mapping[str, Totals]:
    found: dict[str, Totals] = defaultdict(Totals)
    for domain, verdict_class, recipients in block_sums.domains(session, begin, now, **chosen):
        found[domain].add(verdict_class, recipients)
    ranked = sorted(found, key=lambda name: (-found[name].recipients, name))[:_SHOWN_DOMAINS]
    return {name: found[name] for name in ranked}


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0)
