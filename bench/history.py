"""`python -m bench.history`: the drain rate and the claim's plan with millions of old messages, beside those of an empty table.

On SQLite and on PostgreSQL (BENCH_PLACE names one of them); BENCH_HISTORY=5000000 is the default. The runs take turns.
"""

import contextlib
import os
import statistics

from bench.drain import Place, fill, postgresql, prepare, run, sqlite
from bench.old_mail import seed
from bench.sinks import smtp_sink
from bench.table import MESSAGES, RUNS, SESSIONS
from senddock.dispatch.claim import statements
from senddock.models import Database

HISTORY = int(os.environ.get("BENCH_HISTORY", "5000000"))
PLACE = os.environ.get("BENCH_PLACE", "")


def main() -> None:
    """Measure and print."""
    for place in (sqlite, postgresql):
        if PLACE in ("", place.__name__):
            _compare(place)


def _compare(place: Place) -> None:
    name = getattr(place, "__name__", "")
    print(
        f"\n{HISTORY:,} old messages, {name}; {MESSAGES} messages of 2 KB, {SESSIONS} sessions, 2 workers, {RUNS} runs"
    )
    with smtp_sink() as port, contextlib.ExitStack() as stack:
        empty, full = (stack.enter_context(place()) for _ in range(2))
        keys = {url: prepare(url, port) for url in (empty, full)}
        print(f"made in {seed(full, HISTORY):.0f} s", flush=True)
        rates: dict[str, list[float]] = {empty: [], full: []}
        for _ in range(RUNS):
            for url, found in rates.items():
                fill(url, MESSAGES)
                found.append(run(url, keys[url], messages=MESSAGES, sessions=SESSIONS, workers=2).rate)
        for url, words in ((empty, "without"), (full, "with")):
            print(f"plan of a claim {words} the old messages:")
            for line in _plan(url):
                print(f"  {line}")
        few, many = (statistics.median(found) for found in rates.values())
        print(f"without {few:,.0f}/s, with them {many:,.0f}/s: {(many / few - 1) * 100:+.1f} %", flush=True)


def _plan(url: str) -> list[str]:
    """The plan of the update that takes due messages, as planned with the statistics that the table has by then."""
    with contextlib.closing(Database(url)) as database, database.connect() as connection:
        take = statements(database.engine.dialect.name)[0]
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        values = (1, 1, "2030-01-01 00:00:00.000000" if database.is_sqlite else "2030-01-01T00:00:00Z", 100)
        if not database.is_sqlite:
            connection.exec_driver_sql("ANALYZE message")
        return [
            str(row[-1] if database.is_sqlite else row[0]) for row in connection.exec_driver_sql(explain + take, values)
        ]


if __name__ == "__main__":
    main()
