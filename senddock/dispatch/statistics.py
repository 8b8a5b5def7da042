"""Reading the statistics: every figure comes from the rollups, so it costs the same at any number of messages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from senddock.dispatch import block_sums, blocks
from senddock.domain.latency import quantile
from senddock.domain.span import Span
from senddock.domain.verdict import VerdictClass
from senddock.models import Attempt
from senddock.models.attempt import REFUSED_CONDITION

ACCEPTED = VerdictClass.ACCEPTED.value
#: Outcomes of recipients in groups a person thinks in; what is in none of them is a fault of provider or sender.
GROUPS = {
    "accepted": (ACCEPTED,),
    "uncertain": (VerdictClass.UNCERTAIN.value,),
    "soft_bounces": (VerdictClass.RECIPIENT_TRANSIENT.value, VerdictClass.GREYLISTED.value),
    "refused": (
        VerdictClass.RECIPIENT_PERMANENT.value,
        VerdictClass.CONTENT_REJECTED.value,
        VerdictClass.MESSAGE_TOO_LARGE.value,
    ),
}
_REFUSALS = (
    select(Attempt.started_at, Attempt.verdict_class, Attempt.code, Attempt.text, Attempt.message_id)
    .where(Attempt.provider_id == bindparam("provider_id"), Attempt.started_at >= bindparam("since"), REFUSED_CONDITION)
    .order_by(Attempt.started_at.desc())
    .limit(100)
)


@dataclass(frozen=True, slots=True)
class Series:
    """One line for each key, over the same steps."""

    starts: Sequence[datetime]
    step_hours: int
    lines: Mapping[Any, Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class LastError:
    """A refusal as the provider said it, with how often it was among the newest ones."""

    at: datetime
    verdict_class: str | None
    code: int | None
    text: str | None
    message_id: str
    times: int


@dataclass(slots=True)
class Card:
    """A provider's figures: attempts and accepted ones of this and the last clock hour, and of 24 hours."""

    attempts_hour: int = 0
    accepted_hour: int = 0
    attempts_day: int = 0
    accepted_day: int = 0
    failed_over_day: int = 0
    #: Milliseconds to acceptance over 24 hours.
    p50: float | None = None
    p95: float | None = None
    #: Class to attempts over 24 hours, without the accepted ones.
    classes: dict[str, int] = field(default_factory=dict)
    errors: Sequence[LastError] = ()

    @property
    def rate_hour(self) -> float | None:
        """Share of attempts that were accepted, 0 to 1; ``None`` without any."""
        return self.accepted_hour / self.attempts_hour if self.attempts_hour else None

    @property
    def rate_day(self) -> float | None:
        """The same over 24 hours."""
        return self.accepted_day / self.attempts_day if self.attempts_day else None


def series_by_provider(session: Session, now: datetime, span: Span) -> Series:
    """Accepted recipients by provider id and step."""
    starts = span.starts(now)
    pieces = block_sums.stretches(session, starts[0], end_of(now), span.step)
    only = {"verdict_class": ACCEPTED}
    rows = block_sums.totals(session, blocks.OUTCOMES, pieces, ("at", "provider_id"), ("recipients",), only)
    return folded(span, starts, rows)


@dataclass(frozen=True, slots=True)
class Day:
    """Outcomes since the beginning of the hour that the last 24 hours begin in, read once for all figures of a page."""

    now: datetime
    #: Hour, provider id, class, recipients, attempts, and attempts that were handed on.
    rows: Sequence[Any]
    #: The same without the hour: provider id and class to recipients, attempts, attempts that were handed on.
    sums: Mapping[tuple[int, str], Sequence[int]]

    def series(self, span: Span) -> Series:
        """What `series_by_provider` answers for a span of 24 hours."""
        accepted = [(row[0], row[1], row[3]) for row in self.rows if row[2] == ACCEPTED]
        return folded(span, span.starts(self.now), accepted)


def day_of(session: Session, now: datetime) -> Day:
    """Read it; hours that lie in sealed blocks are known already."""
    pieces = block_sums.stretches(session, _day_ago(now), end_of(now), 1)
    keys, figures = ("at", "provider_id", "verdict_class"), ("recipients", "attempts", "failed_over")
    rows = list(block_sums.totals(session, blocks.OUTCOMES, pieces, keys, figures))
    sums: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for _, provider_id, verdict_class, recipients, attempts, failed_over in rows:
        entry = sums[provider_id, verdict_class]
        entry[0] += recipients
        entry[1] += attempts
        entry[2] += failed_over
    return Day(now, rows, sums)


def end_of(now: datetime) -> datetime:
    """The end of the hour that is not over yet; what a clock that runs ahead has counted lies before it too."""
    return _hour(now) + timedelta(hours=2)


def folded(span: Span, starts: Sequence[datetime], rows: Iterable[Any]) -> Series:
    """Rows of (moment, key, number) as one line a key; a step without rows is 0."""
    place = {start: number for number, start in enumerate(starts)}
    lines: dict[Any, list[float | None]] = defaultdict(lambda: [0] * len(starts))
    for moment, key, number in rows:
        at = place.get(moment)
        if at is None:
            # Known from here on: many rows begin at the same moment.
            at = place.get(span.floor(moment))
            if at is not None:
                place[moment] = at
        if at is not None:
            line = lines[key]
            line[at] = (line[at] or 0) + number
    return Series(starts, span.step, dict(sorted(lines.items())))


def cards(session: Session, day: Day, *, errors: int = 3) -> dict[int, Card]:
    """Figures of every provider that sent something in the last 24 hours, with its newest distinct errors."""
    found: dict[int, Card] = defaultdict(Card)
    since, last_hour = _day_ago(day.now), _hour(day.now) - timedelta(hours=1)
    for (provider_id, verdict_class), (_, attempts, failed_over) in day.sums.items():
        card = found[provider_id]
        card.attempts_day += attempts
        card.failed_over_day += failed_over
        if verdict_class == ACCEPTED:
            card.accepted_day += attempts
        elif attempts:
            card.classes[verdict_class] = attempts
    for row in day.rows:
        if row[0] >= last_hour:
            found[row[1]].attempts_hour += row[4]
            found[row[1]].accepted_hour += row[4] if row[2] == ACCEPTED else 0
    pieces = block_sums.stretches(session, since, end_of(day.now), blocks.LENGTHS[-1])
    for provider_id, histogram in histograms(session, pieces).items():
        found[provider_id].p50, found[provider_id].p95 = quantile(histogram, 0.5), quantile(histogram, 0.95)
    for provider_id, card in found.items():
        if card.classes:
            card.errors = last_errors(session, provider_id, since, limit=errors)
    return dict(found)


def histograms(session: Session, pieces: Sequence[block_sums.Stretch]) -> dict[int, dict[int, int]]:
    """Latency histograms by provider: bound in milliseconds to accepted attempts."""
    found: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for provider_id, bucket, attempts in block_sums.totals(
        session, blocks.LATENCIES, pieces, ("provider_id", "bucket"), ("attempts",)
    ):
        found[provider_id][bucket] += attempts
    return found


def last_errors(session: Session, provider_id: int, since: datetime, *, limit: int = 3) -> Sequence[LastError]:
    """The newest refusals that differ in class, code or text, among the last hundred; the newest first."""
    rows = session.connection().execute(_REFUSALS, {"provider_id": provider_id, "since": since}).all()
    newest: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        newest.setdefault((row.verdict_class, row.code, row.text), [row, 0])[1] += 1
    return [
        LastError(row.started_at, row.verdict_class, row.code, row.text, row.message_id, times)
        for row, times in list(newest.values())[:limit]
    ]


def last_day(session: Session, day: Day) -> dict[str, tuple[int, int]]:
    """Recipients of the last 24 hours and of the 24 hours before, by outcome."""
    since = _day_ago(day.now)
    pieces = block_sums.stretches(session, since - timedelta(hours=24), since, blocks.LENGTHS[-1])
    before = block_sums.totals(session, blocks.OUTCOMES, pieces, ("verdict_class",), ("recipients",))
    sums = _added_up((key[1], figures[0]) for key, figures in day.sums.items()), _added_up(before)
    return {
        name: (sum(sums[0][one] for one in classes), sum(sums[1][one] for one in classes))
        for name, classes in GROUPS.items()
    }


def _added_up(pairs: Iterable[Any]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for verdict_class, number in pairs:
        found[verdict_class] += number
    return found


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _day_ago(now: datetime) -> datetime:
    """The beginning of the hour that the last 24 hours begin in."""
    return _hour(now) - timedelta(hours=24)
