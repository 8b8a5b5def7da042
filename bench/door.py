"""`make bench`: the SMTP door. smtp-source hands 2 KB messages over on 10 reused sessions; each 250 follows a durable commit.

smtp-source cannot sign in, so its sessions are given the key's standing when they connect; all else is the product's way.
"""

import asyncio
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from senddock.dispatch import keys
from senddock.dispatch.outbox import Outbox
from senddock.models import Database
from senddock.schema import upgrade
from senddock.submission.door import Door
from senddock.submission.intake import Intake

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "10000"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
SESSIONS = 10
_SIZE = 2048


def main() -> None:
    """Measure and print."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {MESSAGES} messages, {RUNS} runs"
    )
    with tempfile.TemporaryDirectory(prefix="sdb") as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        command = [sys.executable, "-m", "bench.door", url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            port = int(process.stdout.readline())
            _hand_over(port, 500)
            rates = [_hand_over(port, MESSAGES) for _ in range(RUNS)]
            pss = _pss(process.pid)
            process.stdin.close()
            stored = int(process.stdout.readline())
    assert stored == MESSAGES * RUNS + 500, stored
    print(
        f"{'SMTP door, SQLite synchronous=FULL':40} median {statistics.median(rates):,.0f}  min {min(rates):,.0f}  "
        f"max {max(rates):,.0f} messages/s; {pss:.0f} MB (PSS)"
    )


def _hand_over(port: int, messages: int) -> float:
    tool = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    command = [tool, "-s", str(SESSIONS), "-l", str(_SIZE), "-m", str(messages), "-d", f"127.0.0.1:{port}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return messages / (time.perf_counter() - started)


def _pss(pid: int) -> float:
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


async def _serve(url: str) -> None:
    database = Database(url)
    upgrade(database)
    _, token = keys.create(database, "bench")
    outbox = Outbox(database, lambda: None)
    intake = Intake(database, outbox)
    door = Door(intake, name="bench", standing=intake.sign_in(token, "127.0.0.1"))
    (port,) = await door.open(plain=[("127.0.0.1", 0)])
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await door.close()
    outbox.close()
    with database.connect() as connection:
        print(connection.exec_driver_sql("SELECT count(*) FROM message").scalar(), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.setswitchinterval(0.0005)
        asyncio.run(_serve(sys.argv[1]))
    else:
        main()
