"""`python -m bench.history`: the drain rate and the claim's plan with millions of old messages, beside those of an empty table.

Long at its full size (BENCH_HISTORY=5000000, the default: about ten minutes); BENCH_PLACE=postgresql for the other database.
"""

import contextlib
import os
import statistics

from bench.drain import Place, fill, postgresql, prepare, run, sqlite
from bench.sinks import smtp_sink
from bench.table import MESSAGES, RUNS, SESSIONS
from senddock.dispatch.claim import statements
from senddock.models import Database

HISTORY = int(os.environ.get("BENCH_HISTORY", "5000000"))
_CHUNK = 250_000
_SERIES = {
    "sqlite": "(WITH RECURSIVE s(n) AS (SELECT {a} UNION ALL SELECT n + 1 FROM s WHERE n < {b} - 1) SELECT n FROM s) AS s",
    "postgresql": "generate_series({a}, {b} - 1) AS s(n)",
}
#: Ids older than any that is made today, in order.
_ID = {
    "sqlite": "printf('01900000-%04x-7%03x-8000-%012x', n >> 16, n & 4095, n)",
    "postgresql": "('01900000-' || lpad(to_hex(n >> 16), 4, '0') || '-7' || lpad(to_hex(n & 4095), 3, '0') || '-8000-' || "
    "lpad(to_hex(n), 12, '0'))::uuid",
}
_OLD = "'2026-01-01 00:00:00.000000'"
_NO = {"sqlite": "0", "postgresql": "false"}
_ROWS = (
    (
        "INSERT INTO message (id, project_id, stream_id, created_at, via, sender, from_domain, from_header, to_header, "
        "recipient_count, subject, header_message_id, size, needs_8bit, needs_smtputf8, state, fence, attempts, rounds, "
        "provider_id, failed_over, last_class, last_code, finished_at) SELECT {id}, 1, 1, {old}, 'api', 'us@example.com', "
        "'example.com', 'us@example.com', 'p@example.org', 1, 'Old', '<old@example.com>', 2048, {no}, {no}, 'accepted', 1, 1, "
        "1, 1, {no}, 'accepted', 250, {old} FROM {series}"
    ),
    (
        "INSERT INTO delivery (message_id, recipient, status, tries, verdict_class, code, text, finished_at) SELECT {id}, "
        "'p' || n || '@example.org', 'accepted', 1, 'accepted', 250, 'Ok', {old} FROM {series}"
    ),
    (
        "INSERT INTO attempt (message_id, number, provider_id, provider_name, started_at, dot_at, finished_at, recipients, "
        "stage, verdict_class, code, text, fail_over, plan, detail) SELECT {id}, 1, 1, 'sink', {old}, {old}, {old}, 1, "
        "'final_dot', 'accepted', 250, 'Ok', {no}, '{{}}', '{{}}' FROM {series}"
    ),
)


def main() -> None:
    """Measure and print."""
    place = postgresql if os.environ.get("BENCH_PLACE") == "postgresql" else sqlite
    print(f"\n{HISTORY:,} old messages, {place.__name__}; {MESSAGES} messages of 2 KB, {SESSIONS} sessions, 2 workers")
    with smtp_sink() as port, contextlib.ExitStack() as stack:
        rates = {0: _runs(place, port, 0, stack), HISTORY: _runs(place, port, HISTORY, stack)}
    empty, full = (statistics.median(values) for values in rates.values())
    print(f"empty table {empty:,.0f}/s, with history {full:,.0f}/s: {(full / empty - 1) * 100:+.1f} %")


def _runs(place: Place, port: int, history: int, stack: contextlib.ExitStack) -> list[float]:
    url = stack.enter_context(place())
    key = prepare(url, port)
    with contextlib.closing(Database(url)) as database:
        for start in range(0, history, _CHUNK):
            _seed(database, start, min(start + _CHUNK, history))
        with database.transaction() as connection:
            connection.exec_driver_sql("ANALYZE")
        print(f"plan of a claim with {history:,} old messages:")
        for line in _plan(database):
            print(f"  {line}")
    rates = []
    for _ in range(RUNS):
        fill(url, MESSAGES)
        rates.append(run(url, key, messages=MESSAGES, sessions=SESSIONS, workers=2).rate)
    return rates


def _seed(database: Database, begin: int, end: int) -> None:
    kind = database.engine.dialect.name
    for rows in _ROWS:
        text = rows.format(id=_ID[kind], old=_OLD, no=_NO[kind], series=_SERIES[kind].format(a=begin, b=end))
        with database.transaction() as connection:
            connection.exec_driver_sql(text)


def _plan(database: Database) -> list[str]:
    take = statements(database.engine.dialect.name)[0]
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    values = (1, 1, "2030-01-01 00:00:00.000000" if database.is_sqlite else "2030-01-01T00:00:00Z", 100)
    with database.connect() as connection:
        return [str(row[-1]) for row in connection.exec_driver_sql(explain + take, values)]


if __name__ == "__main__":
    main()
