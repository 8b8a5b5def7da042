"""Millions of messages that were sent long ago, made by the database itself: rows first, indexes afterwards."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
from sqlalchemy.engine import make_url

_SERIES = {
    "sqlite": "(WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {n} - 1) SELECT n FROM s) AS s",
    "postgresql": "generate_series(0, {n} - 1) AS s(n)",
}
#: Ids older than any that is made today, in order.
_ID = {
    "sqlite": "printf('01900000-%04x-7%03x-8000-%012x', n >> 16, n & 4095, n)",
    "postgresql": "('01900000-' || lpad(to_hex(n >> 16), 4, '0') || '-7' || lpad(to_hex(n & 4095), 3, '0') || '-8000-' || "
    "lpad(to_hex(n), 12, '0'))::uuid",
}
_OLD = "'2026-01-01 00:00:00.000000'"
_NO = {"sqlite": "0", "postgresql": "false"}
_ROWS = {
    "message": (
        "INSERT INTO message (id, project_id, stream_id, created_at, via, sender, from_domain, from_header, to_header, "
        "recipient_count, subject, header_message_id, size, needs_8bit, needs_smtputf8, state, fence, attempts, rounds, "
        "provider_id, failed_over, last_class, last_code, finished_at) SELECT {id}, 1, 1, {old}, 'api', 'us@example.com', "
        "'example.com', 'us@example.com', 'p@example.org', 1, 'Old', '<old@example.com>', 2048, {no}, {no}, 'accepted', 1, "
        "1, 1, 1, {no}, 'accepted', 250, {old} FROM {series}"
    ),
    "delivery": (
        "INSERT INTO delivery (message_id, recipient, status, tries, verdict_class, code, text, finished_at) SELECT {id}, "
        "'p' || n || '@example.org', 'accepted', 1, 'accepted', 250, 'Ok', {old} FROM {series}"
    ),
    "attempt": (
        "INSERT INTO attempt (message_id, number, provider_id, provider_name, started_at, dot_at, finished_at, recipients, "
        "stage, verdict_class, code, text, fail_over, plan, detail) SELECT {id}, 1, 1, 'sink', {old}, {old}, {old}, 1, "
        "'final_dot', 'accepted', 250, 'Ok', {no}, '{{}}', '{{}}' FROM {series}"
    ),
}


def seed(url: str, count: int) -> float:
    """Add ``count`` messages with a recipient and an attempt each; answers the seconds it took. Nobody else is connected."""
    started = time.perf_counter()
    if url.startswith("sqlite"):
        _sqlite(url.removeprefix("sqlite:///"), count)
    else:
        _postgresql(str(make_url(url).query["host"]), count)
    return time.perf_counter() - started


def _insert(kind: str, table: str, count: int) -> str:
    return _ROWS[table].format(id=_ID[kind], old=_OLD, no=_NO[kind], series=_SERIES[kind].format(n=count))


def _sqlite(path: str, count: int) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Whatever goes wrong, the file is thrown away.
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-500000"):
            connection.execute(f"PRAGMA {pragma}")
        names = ", ".join(f"'{table}'" for table in _ROWS)
        indexes = connection.execute(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({names})"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("BEGIN")
        for table in _ROWS:
            connection.execute(_insert("sqlite", table, count))
        connection.execute("COMMIT")
        for _, text in indexes:
            connection.execute(text)
        connection.execute("ANALYZE")
        connection.execute("PRAGMA journal_mode=WAL")


def _postgresql(host: str, count: int) -> None:
    with _connected(host) as connection:
        connection.execute("ALTER SYSTEM SET max_wal_size = '16GB'")
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("SELECT pg_reload_conf()")
        indexes = connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text "
            "= ANY(%s) AND NOT indisprimary AND NOT indisunique",
            (list(_ROWS),),
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda table: _run(host, _insert("postgresql", table, count)), _ROWS))
        list(pool.map(lambda index: _run(host, index[1]), indexes))
        list(pool.map(lambda table: _run(host, f"VACUUM (ANALYZE) {table}"), _ROWS))
    with _connected(host) as connection:
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CHECKPOINT")


def _run(host: str, statement: str) -> None:
    with _connected(host) as connection:
        # The rows refer to each other and are made side by side.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute(statement)


@contextlib.contextmanager
def _connected(host: str) -> Iterator["psycopg.Connection[tuple[str, ...]]"]:
    with psycopg.connect(f"host={host} user=senddock dbname=postgres", autocommit=True) as connection:
        yield connection
