"""What the statistics cost: a page over a filled year, and the recorder's share for each message.

    python -m bench.statistics

Rows are filled for a year of 5 providers, 3 streams, 6 classes and 60 domains; each row may stand for any number of messages,
so the figures hold for a thousand messages as for ten million.
"""

import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from senddock import schema
from senddock.dispatch import statistics
from senddock.dispatch.statistics_report import report
from senddock.dispatch.sums import add_sums
from senddock.dispatch.tally import _DOMAINS, _HOURS, _LATENCIES, Tally, pen_of
from senddock.domain.latency import BUCKETS
from senddock.domain.span import SPANS
from senddock.models import Database

CLASSES = ("accepted", "recipient_permanent", "recipient_transient", "connection", "quota_exceeded", "uncertain")


def fill(database: Database, now: datetime, days: int) -> int:
    """A year of rows."""
    hours, latencies, domains = {}, {}, {}
    for back in range(days * 24):
        hour = now - timedelta(hours=back)
        for stream in range(1, 4):
            for provider in range(1, 6):
                for verdict_class in CLASSES:
                    hours[hour, stream, provider, verdict_class] = (1000, 1000, 1, 150_000.0)
                for bucket in BUCKETS[4:12]:
                    latencies[hour, stream, provider, bucket] = (125,)
                if back % 24 == 0:
                    for domain in range(60):
                        key = (hour.replace(hour=0), stream, provider, f"d{domain}.example", "accepted")
                        domains[key] = (400,)
    with database.transaction() as connection:
        pen = pen_of(connection)
        for target, sums in ((_HOURS, hours), (_LATENCIES, latencies), (_DOMAINS, domains)):
            add_sums(pen, target, sums)
    return len(hours) + len(latencies) + len(domains)


def timed(name: str, act: Callable[[], object], times: int = 5) -> None:
    """The median of some runs."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    print(f"{name:46}{sorted(took)[times // 2] * 1000:>10.1f} ms")


def main() -> None:
    """Print one table."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bench.db'}")
        schema.upgrade(database)
        print(f"{fill(database, now, 365):,} rows, a year")
        with database.read() as session:
            for span in SPANS.values():
                timed(f"statistics page, {span.title}", lambda span=span: report(session, now, span))  # type: ignore[misc]
            timed("provider cards, 24 hours", lambda: statistics.cards(session, statistics.day_of(session, now)))
        chance = random.Random(1)
        group = [
            Tally(
                now,
                1 + n % 2,
                1 + n % 3,
                "accepted",
                [(chance.choice(["gmail.com", "other"]), "accepted")],
                90.0,
                failed_over=False,
            )
            for n in range(50)
        ]
        with database.transaction() as connection:
            pen = pen_of(connection)
            began = time.perf_counter()
            for _ in range(100):
                Tally.write(pen, group)
            took = (time.perf_counter() - began) / (100 * len(group))
        print(f"{'recorder, for each message of a group of 50':46}{took * 1e6:>10.1f} µs")
        database.close()


if __name__ == "__main__":
    main()
