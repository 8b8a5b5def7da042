"""`make bench`: what transactional mail waits behind a marketing backlog, and behind a provider whose packets vanish.

Both with two installations' worth of mail in one worker: the clock runs from the submission's commit to the provider's 250.
"""

import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from senddock import schema
from senddock.dispatch import providers
from senddock.dispatch.channels import Channel
from senddock.dispatch.engine import Engine
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.outbox import Outbox
from senddock.models import Attempt, Database, Message
from senddock.secrets.vault import Vault
from tests.smtp_server import ScriptedSMTP, blackhole

BACKLOG = int(os.environ.get("BENCH_BACKLOG", "100000"))
SAMPLES = 100
QUEUED = 1000
TIMEOUT = 10.0


def main() -> None:
    """Measure and print."""
    waits = _behind_marketing()
    print(
        f"transactional mail behind {BACKLOG} marketing messages: {_figures(waits)} from commit to the provider's 250"
    )
    late = _behind_a_blackhole()
    print(f"{QUEUED} messages, blackholed primary: {_figures(late)} beyond the first time-out of {TIMEOUT:.0f} s")


def _behind_marketing() -> list[float]:
    with _place() as (database, outbox, engine):
        server = ScriptedSMTP()
        _provider(database, server.port, "sink", 1)
        _fill(outbox, BACKLOG, stream_id=2)
        draining = threading.Thread(target=engine.drain, kwargs={"longest": 300})
        draining.start()
        ids = []
        for number in range(SAMPLES):
            ids.append(_submit(outbox, f"code-{number}@example.org", 1))
            time.sleep(0.05)
        deadline = time.monotonic() + 60
        while len(found := _waits(database, ids)) < SAMPLES and time.monotonic() < deadline:
            time.sleep(0.1)
        engine.request_stop()
        draining.join()
        server.stop()
        return found


def _behind_a_blackhole() -> list[float]:
    with blackhole() as port, _place() as (database, outbox, engine):
        good = ScriptedSMTP()
        _provider(database, port, "blackhole", 1, timeouts={"connect": TIMEOUT})
        _provider(database, good.port, "good", 2)
        ids = _fill(outbox, QUEUED, stream_id=1)
        began = datetime.now(UTC)
        engine.drain(longest=120)
        with database.read() as session:
            ends = session.scalars(
                select(Attempt.finished_at).where(Attempt.message_id.in_(ids), Attempt.verdict_class == "accepted")
            ).all()
        good.stop()
        return [max(0.0, (end - began).total_seconds() - TIMEOUT) for end in ends if end is not None]


@contextmanager
def _place() -> Iterator[tuple[Database, Outbox, Engine]]:
    folder = Path(tempfile.mkdtemp(prefix="sdbench", dir="/tmp"))
    database = Database(f"sqlite:///{folder}/senddock.db")
    schema.upgrade(database)
    outbox = Outbox(database, lambda: None)
    engine = Engine(database, Vault([b"k" * 32]), None, lanes=10, workers=1)
    try:
        yield database, outbox, engine
    finally:
        engine.stop()
        outbox.close()
        database.close()
        shutil.rmtree(folder)


def _provider(database: Database, port: int, name: str, priority: int, **values: object) -> None:
    given = {"name": name, "host": "127.0.0.1", "port": port, "encryption": "none", "from_email": "us@example.com"}
    providers.add(database, Vault([b"k" * 32]), {**given, "priority": priority, **values}, None)


def _fill(outbox: Outbox, count: int, *, stream_id: int) -> list[str]:
    now = datetime.now(UTC)
    ids: list[str] = []
    one = Mail(to=["news@example.org"], from_="us@example.com", subject="News", text="x" * 1500)
    for start in range(0, count, 1000):
        group = [submission_of(one, Channel(1, stream_id, "api"), now) for _ in range(min(1000, count - start))]
        ids += outbox.submit(group).ids
    return ids


def _submit(outbox: Outbox, to: str, stream_id: int) -> str:
    mail = Mail(to=[to], from_="us@example.com", subject="Your code", text="123456")
    return outbox.submit([submission_of(mail, Channel(1, stream_id, "api"), datetime.now(UTC))]).ids[0]


def _waits(database: Database, ids: list[str]) -> list[float]:
    with database.read() as session:
        rows = session.execute(
            select(Message.created_at, Attempt.finished_at)
            .join(Attempt, Attempt.message_id == Message.id)
            .where(Message.id.in_(ids), Attempt.verdict_class == "accepted")
        ).all()
    return [(row.finished_at - row.created_at).total_seconds() for row in rows]


def _figures(seconds: list[float]) -> str:
    if len(seconds) < 20:
        return f"only {len(seconds)} arrived"
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s, p99 {cuts[98]:.2f} s of {len(seconds)}"


if __name__ == "__main__":
    main()
