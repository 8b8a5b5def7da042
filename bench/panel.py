"""`make bench`, the panel's part: server time of every page with a million messages in the log, on SQLite."""

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from redis import Redis

from senddock import redis_server, schema
from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch import accounts, keys, providers
from senddock.models import Database
from senddock.secrets.vault import Vault

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "1000000"))
ROUNDS = 40
_DAYS = 30
#: Milliseconds for the slowest of twenty requests.
PROMISE = 50.0
EMAIL, PASSWORD = "bench@acme.example", "a long enough sentence"
PAGES = [
    "/", "/?span=7d", "/?span=30d", "/smtp", "/smtp/new?preset=ses", "/smtp/1", "/logs", "/logs?state=failed",
    "/logs?state=accepted", "/logs?state=deferred", "/logs?provider=2", "/logs?provider=2&state=failed", "/logs?stream=2",
    "/logs?verdict=recipient_permanent", "/logs?fallback=1", "/logs?soft_bounce=1", "/logs?delayed=1",
    "/logs?text=user500000@example.org", "/logs?text=nowhere",
    "/logs?verdict=greylisted", "/logs?since={old}&until={newer}", "/logs?before={middle}", "/logs/{middle}",
    "/logs/new?than={newest}", "/jump?q=user500@example.org", "/send", "/keys", "/routing", "/domains", "/suppressions",
    "/alerts", "/webhooks", "/guides", "/users", "/account", "/settings",
]  # fmt: skip
_NUMBERS = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {MESSAGES - 1})"
#: Ids that begin with their millisecond, as those of the outbox do (UUIDv7).
_BEGIN = int((datetime.now(UTC) - timedelta(days=_DAYS)).timestamp() * 1000)
_STEP = _DAYS * 86_400_000 // MESSAGES
_MS = f"({_BEGIN} + i * {_STEP})"
_ID = f"printf('%08x-%04x-7000-8000-%012x', {_MS} / 65536, {_MS} % 65536, i)"
_STATE = (
    "CASE WHEN i % 100 = 3 THEN 'failed' WHEN i % 1000 = 7 THEN 'uncertain' WHEN i % 200 = 5 THEN 'deferred' "
    "ELSE 'accepted' END"
)
_CLASS = (
    "CASE WHEN i % 100 = 3 THEN 'recipient_permanent' WHEN i % 1000 = 7 THEN 'uncertain' "
    "WHEN i % 200 = 5 THEN 'recipient_transient' ELSE 'accepted' END"
)


def main() -> None:
    """Seed, measure, print; exit 1 when a page breaks the promise."""
    with tempfile.TemporaryDirectory(prefix="sdp", dir="/tmp") as text, _redis(Path(text)) as redis:
        database = Database(f"sqlite:///{text}/panel.db")
        schema.upgrade(database)
        vault = Vault([os.urandom(32)])
        accounts.create_user(database, EMAIL, PASSWORD)
        keys.create(database, "shop")
        given = {
            "host": "127.0.0.1",
            "port": 2525,
            "encryption": "none",
            "from_email": "us@example.com",
            "per_day": 9999,
        }
        for number, name in enumerate(("AWS SES", "Resend", "Hostinger"), 1):
            providers.add(database, vault, {**given, "name": name, "priority": number}, None)
        started = time.perf_counter()
        _seed(Path(text) / "panel.db")
        print(f"seeded {MESSAGES:,} messages in {time.perf_counter() - started:.0f} s")
        environ = {"SENDDOCK_DATABASE_URL": f"sqlite:///{text}/panel.db", "SENDDOCK_DATA_DIR": text}
        app = create_app(Settings.from_env(environ), vault=vault, redis=redis)
        client = app.test_client()
        token = client.get("/login").text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        client.post("/login", data={"email": EMAIL, "password": PASSWORD, "csrf_token": token})
        slow = _measure(client)
        app.extensions["senddock"].outbox.close()
        app.extensions["senddock"].database.close()
        database.close()
    sys.exit(1 if slow else 0)


def _measure(client: FlaskClient) -> int:
    now = datetime.now(UTC)
    middle = _id(MESSAGES // 2)
    values = {
        "middle": middle,
        "newest": _id(MESSAGES - 1),
        "old": (now - timedelta(days=20)).strftime("%Y-%m-%dT%H:%M"),
        "newer": (now - timedelta(days=10)).strftime("%Y-%m-%dT%H:%M"),
    }
    slow = 0
    print(f"{'page':<48} {'p50':>8} {'p95':>8}   (server time, {MESSAGES:,} messages, SQLite)")
    for page in PAGES:
        path = page.format(**values)
        if client.get(path).status_code not in (200, 204):
            print(f"{page:<48} not there")
            continue
        taken = sorted(_timed(client, path) for _ in range(ROUNDS))
        p95 = taken[int(len(taken) * 0.95) - 1]
        slow += p95 >= PROMISE
        print(
            f"{page:<48} {taken[len(taken) // 2]:>5.1f} ms {p95:>5.1f} ms{'   over the promise' if p95 >= PROMISE else ''}"
        )
    return slow


def _timed(client: FlaskClient, path: str) -> float:
    started = time.perf_counter()
    client.get(path).get_data()
    return (time.perf_counter() - started) * 1000


def _id(number: int) -> str:
    moment = _BEGIN + number * _STEP
    return f"{moment // 65536:08x}-{moment % 65536:04x}-7000-8000-{number:012x}"


def _seed(path: Path) -> None:
    """By SQL inside SQLite: a million rows through the outbox would take minutes and measure nothing else."""
    at = f"strftime('%Y-%m-%d %H:%M:%f', {_MS} / 1000.0, 'unixepoch') || '000'"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute(
            f"INSERT INTO message (id, project_id, stream_id, created_at, via, sender, from_domain, from_header, to_header,"
            f" recipient_count, subject, header_message_id, size, needs_8bit, needs_smtputf8, state, due_at, fence, attempts,"
            f" rounds, provider_id, failed_over, last_class, last_code, finished_at) {_NUMBERS} SELECT {_ID}, 1, 1 + i % 2,"
            f" {at}, 'api', 'us@example.com', 'example.com', 'Acme <us@example.com>', 'user' || i || '@example.org', 1,"
            f" 'Invoice ' || i, '<' || i || '@example.com>', 2000, 0, 0, {_STATE},"
            f" CASE WHEN i % 200 = 5 THEN {at} END, 1, 1 + (i % 20 = 1), 0, 1 + i % 3, i % 20 = 1, {_CLASS}, 250, {at} FROM n"
        )
        db.execute(
            f"INSERT INTO delivery (id, message_id, recipient, status, tries, verdict_class, code, enhanced, text, finished_at)"
            f" {_NUMBERS} SELECT i + 1, {_ID}, 'user' || i || '@example.org', {_STATE}, 1, {_CLASS}, 250, '2.0.0', 'Ok', {at}"
            " FROM n"
        )
        db.execute(
            f"INSERT INTO attempt (message_id, number, provider_id, provider_name, started_at, dot_at, finished_at,"
            f" duration_ms, recipients, stage, verdict_class, code, enhanced, text, fail_over, plan, detail) {_NUMBERS} SELECT"
            f" {_ID}, 1, 1 + i % 3, 'AWS SES', {at}, {at}, {at}, 20 + i % 200, 1, 'final_dot', {_CLASS}, 250, '2.0.0', 'Ok',"
            " 0, '{}', '{}' FROM n"
        )
        for bucket, share in ((20, 0.6), (100, 0.35), (400, 0.05)):
            db.execute(
                "INSERT INTO rollup_latency (hour, stream_id, provider_id, bucket, attempts) SELECT substr(started_at, 1, 13)"
                " || ':00:00.000000', m.stream_id, a.provider_id, ?, CAST(count(*) * ? AS INTEGER) FROM attempt a JOIN message"
                " m ON m.id = a.message_id GROUP BY 1, 2, 3",
                (bucket, share),
            )
        db.execute(
            "INSERT INTO rollup_hour (hour, stream_id, provider_id, verdict_class, recipients, attempts, failed_over,"
            " duration_ms) SELECT substr(started_at, 1, 13) || ':00:00.000000', m.stream_id, a.provider_id, verdict_class,"
            " count(*), count(*), 0, sum(duration_ms) FROM attempt a JOIN message m ON m.id = a.message_id GROUP BY 1, 2, 3, 4"
        )
        db.execute("ANALYZE")


@contextmanager
def _redis(folder: Path) -> Iterator[Any]:
    process, _ = redis_server.start(folder)
    try:
        yield Redis.from_url(redis_server.url_of(folder))
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
