"""SendDock in the benchmark: a database with queued rows, workers that drain it, the time until all outcomes are on disk."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.contenders import BODY
from senddock import schema
from senddock.dispatch import providers
from senddock.dispatch.channels import Channel
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.outbox import Outbox
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests import postgres

#: Makes a database and answers its URL.
Place = Callable[[], AbstractContextManager[str]]
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain showed."""

    #: Messages a second.
    rate: float
    #: Processor time of all workers, microseconds a message.
    cpu: float
    #: Resident memory of the largest worker at the beginning, and its highest, MB.
    memory: tuple[float, float]


@contextlib.contextmanager
def sqlite() -> Iterator[str]:
    """A new SQLite file; synchronous=FULL, as always."""
    with tempfile.TemporaryDirectory(prefix="sdb") as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}"


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of its own, with fsync."""
    bin_dir = postgres.binaries()
    assert bin_dir is not None
    with postgres.server(bin_dir, durable=True) as folder:
        yield f"postgresql+psycopg://senddock@/postgres?host={folder}"


def drain(
    place: Place, port: int, *, messages: int, sessions: int, workers: int, ca_file: str | None = None
) -> Drained:
    """Fill a new database with ``messages`` and drain it with ``sessions`` in all."""
    with place() as url:
        key = prepare(url, port, encrypted=ca_file is not None)
        fill(url, messages)
        return run(url, key, messages=messages, sessions=sessions, workers=workers, ca_file=ca_file)


def prepare(url: str, port: int, *, encrypted: bool = False) -> bytes:
    """Tables and one provider; answers the master key."""
    key = os.urandom(32)
    with contextlib.closing(Database(url)) as database:
        schema.upgrade(database)
        values: dict[str, Any] = {"name": "sink", "port": port, "from_email": "us@example.com"}
        values |= (
            {"host": "localhost", "encryption": "starttls"}
            if encrypted
            else {"host": "127.0.0.1", "encryption": "none"}
        )
        providers.add(database, Vault([key]), values, None)
    return key


def fill(url: str, messages: int) -> None:
    """Submit ``messages`` of 2 KB in groups of 500."""
    with contextlib.closing(Database(url)) as database, contextlib.closing(Outbox(database, lambda: None)) as outbox:
        channel, now = Channel(1, 1, "cli"), datetime.now(UTC)
        for start in range(0, messages, 500):
            outbox.submit(
                [
                    submission_of(
                        Mail(to=[f"p{number}@example.org"], from_="us@example.com", subject="Bench", text=BODY),
                        channel,
                        now,
                    )
                    for number in range(start, min(start + 500, messages))
                ]
            )


def run(url: str, key: bytes, *, messages: int, sessions: int, workers: int, ca_file: str | None = None) -> Drained:
    """Start the workers, let them go together, and wait for the last outcome."""
    environ = {**os.environ, **({"SSL_CERT_FILE": ca_file} if ca_file else {})}
    command = [sys.executable, "-m", "bench.worker", url, key.hex(), str(sessions // workers), str(workers)]
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ, cwd=_ROOT
                )
            )
            for _ in range(workers)
        ]
        for process in running:
            _hear(process)
        started = time.perf_counter()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        reports = [json.loads(_hear(process)) for process in running]
        elapsed = time.perf_counter() - started
    assert sum(report["claimed"] for report in reports) == messages, reports
    return Drained(
        messages / elapsed,
        sum(report["cpu"] for report in reports) / messages * 1e6,
        (max(report["before_mb"] for report in reports), max(report["highest_mb"] for report in reports)),
    )


def _hear(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()
