"""`make bench`: the SMTP door beside Postfix. smtp-source hands 2 KB messages over on 10 reused sessions to each in turn.

Each 250 of the door follows a commit that is on disk, each of Postfix's a queue file that is. smtp-source cannot sign in,
so its sessions are given the key's standing when they connect; all else is the product's way.
"""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.contenders import postfix_that_keeps, source
from bench.table import MESSAGES, RUNS, SESSIONS, compare
from senddock.dispatch import keys
from senddock.dispatch.outbox import Outbox
from senddock.models import Database
from senddock.schema import upgrade
from senddock.submission.door import Door
from senddock.submission.intake import Intake

_WARM = 500


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="sdb") as folder, contextlib.ExitStack() as stack:
        door = stack.enter_context(_door(f"sqlite:///{Path(folder) / 'bench.db'}"))
        postfix = stack.enter_context(postfix_that_keeps(SESSIONS))
        for port in (door, postfix):
            source(port, _WARM, SESSIONS)
        compare(
            "Accepting mail over SMTP, on disk before each 250",
            [
                ("SMTP door, SQLite synchronous=FULL", lambda: source(door, MESSAGES, SESSIONS)),
                ("Postfix, into its queue", lambda: source(postfix, MESSAGES, SESSIONS)),
            ],
            MESSAGES,
        )


@contextlib.contextmanager
def _door(url: str) -> Iterator[int]:
    """A door in a process of its own; at the end every message it took has to be there."""
    command = [sys.executable, "-m", "bench.door", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        pss = _pss(process.pid)
        process.stdin.close()
        stored = int(process.stdout.readline())
    assert stored == MESSAGES * RUNS + _WARM, stored
    print(f"All {stored} messages are in the database; the door's process has {pss:.0f} MB (PSS).")


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
