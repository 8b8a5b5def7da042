"""Spans of time that statistics are shown for, cut into steps on whole hours of UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Span:
    """``hours`` back from now, in steps of ``step`` hours."""

    key: str
    title: str
    hours: int
    step: int

    def starts(self, now: datetime) -> Sequence[datetime]:
        """Where each step begins, the oldest first; the last one holds ``now`` and is not over yet."""
        newest = self.floor(now)
        return [newest - timedelta(hours=self.step * back) for back in range(self.hours // self.step, -1, -1)]

    def floor(self, moment: datetime) -> datetime:
        """The beginning of the step that ``moment`` lies in."""
        seconds = self.step * 3600
        return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


SPANS = {
    span.key: span
    for span in (Span("24h", "24 hours", 24, 1), Span("7d", "7 days", 168, 6), Span("30d", "30 days", 720, 24))
}
