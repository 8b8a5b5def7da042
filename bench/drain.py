"""`make bench`: from queued rows to committed results, against Postfix's smtp-sink on loopback. Prints one table.

Every run has the same sink, 10 sessions in all, messages of 2 KB, and the median of the runs is printed.
"""

import contextlib
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from senddock import schema
from senddock.dispatch import providers
from senddock.dispatch.channels import Channel
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.outbox import Outbox
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests import postgres

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "10000"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
SESSIONS = 10
_WORKER = """
import sys
from senddock.dispatch.engine import Engine
from senddock.models import Database
from senddock.secrets.vault import Vault
url, key, lanes, workers = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
engine = Engine(Database(url), Vault([key]), None, lanes=lanes, workers=workers)
print("ready", flush=True)
sys.stdin.readline()
print(engine.drain(longest=300), flush=True)
sys.stdin.readline()
engine.stop()
"""


def main() -> None:
    """Measure and print."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {MESSAGES} messages, {RUNS} runs"
    )
    with _sink() as port:
        rows = [("smtp-source (no queue, no log)", [_source(port) for _ in range(RUNS)])]
        for workers in (1, 2):
            rows.append((f"SendDock, SQLite, {workers} worker(s)", _runs(_sqlite, port, workers)))
        if postgres.binaries():
            for workers in (1, 2):
                rows.append((f"SendDock, PostgreSQL, {workers} worker(s)", _runs(_postgres, port, workers)))
    print(f"{'':38}{'median/s':>10}{'min':>8}{'max':>8}")
    for name, rates in rows:
        print(f"{name:38}{statistics.median(rates):>10,.0f}{min(rates):>8,.0f}{max(rates):>8,.0f}")


def _runs(database: Callable[[], contextlib.AbstractContextManager[str]], port: int, workers: int) -> list[float]:
    rates = []
    for _ in range(RUNS):
        with database() as url:
            rates.append(_drain(url, port, workers))
    return rates


def _drain(url: str, port: int, workers: int) -> float:
    key = os.urandom(32)
    database = Database(url)
    schema.upgrade(database)
    values = {"name": "sink", "host": "127.0.0.1", "port": port, "encryption": "none", "from_email": "us@example.com"}
    providers.add(database, Vault([key]), values, None)
    _fill(database)
    database.close()
    arguments = [sys.executable, "-c", _WORKER, url, key.hex(), str(SESSIONS // workers), str(workers)]
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(workers)
        ]
        for process in running:
            _say_and_hear(process, None)
        started = time.perf_counter()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        claimed = sum(int(_say_and_hear(process, None)) for process in running)
        elapsed = time.perf_counter() - started
        assert claimed == MESSAGES, claimed
    return MESSAGES / elapsed


def _say_and_hear(process: subprocess.Popen[str], line: str | None) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    if line is not None:
        process.stdin.write(line)
        process.stdin.flush()
    return process.stdout.readline()


def _fill(database: Database) -> None:
    outbox = Outbox(database, lambda: None)
    now = datetime.now(UTC)
    body = ("x" * 70 + "\n") * 26
    for start in range(0, MESSAGES, 500):
        outbox.submit(
            [
                submission_of(
                    Mail(to=[f"p{number}@example.org"], from_="us@example.com", subject="Bench", text=body),
                    Channel(1, 1, "cli"),
                    now,
                )
                for number in range(start, min(start + 500, MESSAGES))
            ]
        )
    outbox.close()


def _source(port: int) -> float:
    started = time.perf_counter()
    tool = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    command = [tool, "-s", str(SESSIONS), "-l", "2048", "-m", str(MESSAGES), "-d", f"127.0.0.1:{port}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return MESSAGES / (time.perf_counter() - started)


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tool = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    user = ["-u", "root"] if os.geteuid() == 0 else []
    process = subprocess.Popen([tool, *user, f"127.0.0.1:{port}", "500"], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="sdb") as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}"


@contextlib.contextmanager
def _postgres() -> Iterator[str]:
    bin_dir = postgres.binaries()
    assert bin_dir is not None
    with postgres.server(bin_dir, durable=True) as folder:
        yield f"postgresql+psycopg://senddock@/postgres?host={folder}"


if __name__ == "__main__":
    main()
