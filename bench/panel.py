"""`python -m bench.panel`: server time and queries of every page with a million messages in the log, on SQLite.

BENCH_MESSAGES=1000000   messages in the log
BENCH_KEEP=path          seed into this file and keep it; use it again when it is there
BENCH_ROUNDS=20          requests of each address, after one that is not counted
BENCH_ONLY=/logs         only addresses that begin like this
"""

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import event

from bench.pages import log_filters, other_views, pages
from bench.seeding import Season, season, seed
from senddock import redis_server, schema
from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch import accounts, connection_tests, experiments, keys, providers, webhooks
from senddock.dispatch.blocks import seal_blocks
from senddock.dispatch.collector import calm_collector
from senddock.dispatch.outbox import utcnow
from senddock.models import Content, Database
from senddock.secrets.vault import Vault

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "20"))
ONLY = os.environ.get("BENCH_ONLY", "/")
#: Milliseconds for nineteen of twenty requests.
PROMISE = 50.0
EMAIL, PASSWORD = "bench@acme.example", "a long enough sentence"
_NAMES = ("AWS SES", "Resend", "Hostinger", "Mailgun", "Never used")


@dataclass(slots=True)
class Cost:
    """What one address took: milliseconds of each request, and statements of the last one."""

    path: str
    took: list[float] = field(default_factory=list)
    queries: int = 0
    octets: int = 0

    def share(self, part: float) -> float:
        """A quantile in milliseconds, by nearest rank."""
        return sorted(self.took)[math.ceil(len(self.took) * part) - 1]

    def line(self) -> str:
        """For the table."""
        p50, p95 = self.share(0.5), self.share(0.95)
        over = "   over the promise" if p95 >= PROMISE else ""
        return (
            f"{self.path[:100]:<100} {p50:>5.1f} ms {p95:>5.1f} ms {self.queries:>8} {self.octets / 1024:>6.1f}{over}"
        )


def main() -> None:
    """Seed, measure, print; exit 1 when a page breaks the promise."""
    with tempfile.TemporaryDirectory(prefix="sdp", dir="/tmp") as text, _redis(Path(text)) as redis:
        path = Path(os.environ.get("BENCH_KEEP") or Path(text) / "panel.db")
        vault = Vault([os.urandom(32)])
        whole, samples = prepare(path, vault)
        environ = {"SENDDOCK_DATABASE_URL": f"sqlite:///{path}", "SENDDOCK_DATA_DIR": text}
        app = create_app(Settings.from_env(environ), vault=vault, redis=redis)
        costs = measure(app, every_address(app, samples))
        app.extensions["senddock"].outbox.close()
        app.extensions["senddock"].database.close()
    print(f"{whole.messages:,} messages, SQLite, {ROUNDS} rounds, one client; KB as they travel")
    print(f"{'page':<100} {'p50':>8} {'p95':>8} {'queries':>8} {'KB':>6}")
    for cost in costs:
        print(cost.line())
    slow = [cost for cost in costs if cost.share(0.95) >= PROMISE]
    slowest = max((cost.share(0.95) for cost in costs), default=0.0)
    print(f"{len(costs)} addresses, {len(slow)} over {PROMISE:.0f} ms; the slowest p95 {slowest:.1f} ms")
    sys.exit(1 if slow else 0)


def prepare(path: Path, vault: Vault) -> tuple[Season, dict[str, str]]:
    """The seeded file, made when it is not there, and samples for the parameters of its pages."""
    known = path.with_suffix(".json")
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    if known.exists():
        kept = json.loads(known.read_text())
        whole = season(kept["messages"], datetime.fromisoformat(kept["now"]))
        samples = kept["samples"]
        # As the clock does: the file may have been made hours ago.
        while seal_blocks(database, utcnow(), 2000):
            pass
    else:
        now, started = utcnow(), time.perf_counter()
        whole = season(MESSAGES, now)
        samples = {**whole.samples(), **rows(database, vault, EMAIL, PASSWORD)}
        seed(database, whole)
        give_content(database, samples)
        while seal_blocks(database, now, 2000):
            pass
        known.write_text(json.dumps({"messages": MESSAGES, "now": now.isoformat(), "samples": samples}))
        print(
            f"seeded {MESSAGES:,} messages in {time.perf_counter() - started:.0f} s: {path.stat().st_size / 1e9:.1f} GB"
        )
    database.close()
    return whole, samples


def every_address(app: Flask, samples: dict[str, str]) -> Sequence[str]:
    """Pages, filters of the log and other views that begin like `ONLY`."""
    found = [*pages(app.url_map, samples), *other_views(samples), *log_filters(samples)]
    return [path for path in dict.fromkeys(found) if path.startswith(ONLY)]


def measure(app: Flask, paths: Sequence[str]) -> list[Cost]:
    """Ask for each address in turn, several times."""
    client = app.test_client()
    token = client.get("/login").text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    client.post("/login", data={"email": EMAIL, "password": PASSWORD, "csrf_token": token})
    asked: list[str] = []
    engine = app.extensions["senddock"].database.engine
    # As `senddock web` does.
    calm_collector(5_000)
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    costs = []
    for path in paths:
        cost = Cost(path)
        for number in range(ROUNDS + 1):
            asked.clear()
            took, cost.octets = _asked(client, path)
            cost.took += [took] if number else []
            # Under real-time priority (`chrt -f`) the kernel stops a process for 50 ms in each second that it never paused in.
            time.sleep(took / 8000)
        cost.queries = sum(not statement.startswith("BEGIN") for statement in asked)
        costs.append(cost)
    return costs


def _asked(client: FlaskClient, path: str) -> tuple[float, int]:
    """Milliseconds until the answer is whole; of an export, until its first lines."""
    started = time.perf_counter()
    answer = client.get(path, buffered=False, headers={"Accept-Encoding": "gzip"})
    if answer.status_code not in (200, 204, 404):
        raise RuntimeError(f"{path}: {answer.status}")
    if answer.is_streamed and "attachment" in answer.headers.get("Content-Disposition", ""):
        chunks = iter(answer.response)
        size = sum(len(next(chunks, b"")) for _ in range(100))
    else:
        size = len(answer.get_data())
    took = (time.perf_counter() - started) * 1000
    answer.close()
    return took, size


def rows(database: Database, vault: Vault, email: str, password: str) -> dict[str, str]:
    """What a person has set up, through the rooms that do it for a person."""
    accounts.create_user(database, email, password)
    for number in range(20):
        keys.create(database, f"application {number}")
    given = {
        "host": "127.0.0.1",
        "port": 2525,
        "encryption": "none",
        "from_email": "us@example.com",
        "per_day": 9_999_999,
    }
    for number, name in enumerate(_NAMES, 1):
        providers.add(database, vault, {**given, "name": name, "priority": number}, None)
    endpoint, _ = webhooks.add(database, vault, "https://hooks.example.com/senddock", now=utcnow())
    week = utcnow() + timedelta(days=7)
    tried = experiments.start(database, 1, "Cheaper one", [(1, 50.0), (2, 50.0)], ends_at=week)
    test_id = connection_tests.start(database, vault, provider_id=1)
    return {"provider_id": "1", "test_id": test_id, "stream_id": "1",
            "endpoint_id": str(endpoint.id), "domains.show.name": "example.com",
            "guides.show.name": "deliverability", "kind": "csv", "number": "4", "experiment_id": str(tried.id)}  # fmt: skip


def give_content(database: Database, samples: Mapping[str, str]) -> None:
    """The bytes of the message whose page is looked at; those of the others have been pruned."""
    with database.write() as session:
        session.add(Content(message_id=samples["message_id"], raw=_mail(), meta={"to": [samples["recipient"]]}))


def _mail() -> bytes:
    """With a file attached, so that every part of its page has something to show."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "Acme Billing <billing@example.com>", "user@example.org", "Invoice"
    mail.set_content("Thank you for your order.\n" * 40)
    mail.add_alternative("<p>Thank you for your order.</p>" * 40, subtype="html")
    mail.add_attachment(b"%PDF" * 5000, maintype="application", subtype="pdf", filename="invoice.pdf")
    return bytes(mail)


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
