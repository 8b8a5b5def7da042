"""The soak: mail is submitted over HTTP the whole time while random processes are killed with -9 or suspended for a while,
Redis hangs or loses its data, PostgreSQL is torn down, and the provider stalls or cuts the line after the dot. Nothing is
lost; every copy beyond the first is one that the log shows as uncertain.

`make soak` runs it with two minutes of storm on each database and prints the figures; here the two share two minutes.
SOAK_SECONDS sets the storm's length, SOAK_SEED its dice.
"""

import collections
import contextlib
import http.client
import os
import random
import re
import signal
import subprocess
import threading
import urllib.error
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from senddock.models import Attempt, Database, Delivery, Message
from tests import postgres
from tests.e2e.house import Installation, installation, until
from tests.smtp_server import Fault, ScriptedSMTP, reset, stall

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
SEED = int(os.environ.get("SOAK_SEED", "20260805"))
#: The name the kernel knows a process by; a fork of `up` has its command line.
_PROCESSES = re.compile(r"sd-(web|worker|clock|submission)|(redis-server)")
_SUBMITTERS = 3
#: Seconds between two kills, from and to.
_BETWEEN = (0.6, 2.5)
#: One in four is suspended instead: mostly for a moment, sometimes for longer than a worker's lease.
_SUSPENDED = 0.25
_MOMENT, _BEYOND_LEASE = (0.5, 4.0), (17.0, 20.0)


@dataclass
class Storm:
    """What happened."""

    accepted: dict[str, str] = field(default_factory=dict)
    refused: collections.Counter[str] = field(default_factory=collections.Counter)
    killed: collections.Counter[str] = field(default_factory=collections.Counter)
    suspended: collections.Counter[str] = field(default_factory=collections.Counter)
    over: threading.Event = field(default_factory=threading.Event)


def chance(dice: random.Random, faults: list[tuple[float, Fault]]) -> Callable[[str], Fault | None]:
    """A script that now and then does one of ``faults``."""
    lock = threading.Lock()

    def choose(_argument: str) -> Fault | None:
        with lock:
            roll = dice.random()
        for share, fault in faults:
            if roll < share:
                return fault
            roll -= share
        return None

    return choose


@pytest.fixture(params=["sqlite", "postgresql"] if postgres.binaries() else ["sqlite"])
def stormed(request: pytest.FixtureRequest) -> Iterator[tuple[Installation, list[str]]]:
    """An installation, and the command that tears its database server down and starts it again."""
    if request.param == "sqlite":
        with installation() as house:
            house.start()
            yield house, []
        return
    bin_dir = postgres.binaries()
    assert bin_dir is not None
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(postgres.server(bin_dir, durable=True))
        environ = {"SENDDOCK_DATABASE_URL": f"postgresql+psycopg://senddock@/postgres?host={folder}"}
        house = stack.enter_context(installation(environ))
        house.start()
        run_as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        restart = [
            str(bin_dir / "pg_ctl"),
            "-D",
            f"{folder}/data",
            "-w",
            "-t",
            "300",
            "-m",
            "immediate",
            "-l",
            f"{folder}/log",
        ]
        yield house, [*run_as, *restart, "restart"]


def test_nothing_is_lost_and_every_copy_is_shown_as_uncertain(
    stormed: tuple[Installation, list[str]],
    smtp_server: Callable[..., ScriptedSMTP],
    capsys: pytest.CaptureFixture[str],
) -> None:
    house, restart_database = stormed
    dice = random.Random(SEED)
    script = {
        "final_dot": chance(random.Random(SEED + 1), [(0.01, reset()), (0.005, stall())]),
        "reply": chance(random.Random(SEED + 2), [(0.02, reset()), (0.01, stall())]),
        "mail": chance(random.Random(SEED + 3), [(0.01, reset())]),
    }
    sinks = [smtp_server(script), smtp_server(script)]
    for number, sink in enumerate(sinks, 1):
        house.provider(f"sink-{number}", sink.port, number, timeout="final_dot=2")
    token = house.json("key", "create", "--name", "soak")["token"]

    storm = Storm()
    threads = [threading.Thread(target=_submit, args=(house, token, storm)) for _ in range(_SUBMITTERS)]
    for thread in threads:
        thread.start()
    _kill(house, restart_database, dice, storm)
    storm.over.set()
    for thread in threads:
        thread.join()

    with contextlib.closing(Database(_url(house))) as database:
        # A message in doubt is tried once more after half a minute.
        until(
            lambda: _pending(database) == 0,
            600,
            lambda: f"{_pending(database)} still wait\n{house.log.read_text()[-3000:]}",
        )
        uncertain = _uncertain(database)
        states = _states(database)
    copies = collections.Counter(_marker(taken.data) for sink in sinks for taken in sink.taken)
    lost = [marker for marker, uid in storm.accepted.items() if not copies[marker] and states.get(uid) != "uncertain"]
    again = {marker: copies[marker] - 1 for marker in storm.accepted if copies[marker] > 1}
    hidden = {marker: more for marker, more in again.items() if more > uncertain[storm.accepted[marker]]}
    figures = (
        f"{SECONDS:.0f} s of storm, seed {SEED}: {len(storm.accepted)} messages accepted, "
        f"{sum(storm.refused.values())} tries refused ({dict(storm.refused)}), killed {dict(storm.killed)}, "
        f"suspended {dict(storm.suspended)}; "
        f"lost {len(lost)}, copies beyond the first {sum(again.values())}, "
        f"attempts shown as uncertain {sum(uncertain.values())}, "
        f"held for a person {sum(state == 'uncertain' for state in states.values())}"
    )
    with capsys.disabled():
        print(f"\n{figures}")
    assert len(storm.accepted) >= 10, figures
    assert lost == [], figures
    assert hidden == {}, figures
    assert set(states.values()) <= {"accepted", "uncertain"}, figures


def _submit(house: Installation, token: str, storm: Storm) -> None:
    pause = threading.Event()
    while not storm.over.is_set():
        marker = uuid.uuid4().hex
        body = {"from": "us@example.com", "to": "ana@example.org", "subject": marker, "text": "x" * 500}
        # As an application does it: the same key until it has an answer, so that a lost answer makes no second message.
        while True:
            try:
                code, answer = house.post("/api/emails", body, token, Idempotency_Key=marker)
            except (OSError, urllib.error.URLError, http.client.HTTPException) as error:
                code, answer = 0, type(error).__name__
            if code == 200:
                storm.accepted[marker] = answer["id"]
                break
            storm.refused[str(code or answer)] += 1
            pause.wait(0.2)
        storm.over.wait(0.02)


def _kill(house: Installation, restart_database: list[str], dice: random.Random, storm: Storm) -> None:
    alarm = threading.Timer(SECONDS, storm.over.set)
    alarm.start()
    wakers: list[threading.Timer] = []
    while not storm.over.wait(dice.uniform(*_BETWEEN)):
        if restart_database and dice.random() < 0.1:
            storm.killed["postgresql"] += 1
            subprocess.run(restart_database, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
            continue
        victims = [(pid, name) for pid in house.children() if (name := _name(pid))]
        if victims:
            pid, name = dice.choice(victims)
            with contextlib.suppress(ProcessLookupError):
                if dice.random() < _SUSPENDED:
                    wakers.append(_suspend(pid, dice.uniform(*(_BEYOND_LEASE if dice.random() < 0.2 else _MOMENT))))
                    storm.suspended[name] += 1
                else:
                    os.kill(pid, signal.SIGKILL)
                    storm.killed[name] += 1
    alarm.join()
    for waker in wakers:
        waker.join()


def _suspend(pid: int, seconds: float) -> threading.Timer:
    """Stop a process in the middle of whatever it does; the timer lets it go on."""
    # Held open, the number cannot become another process's.
    handle = os.pidfd_open(pid)

    def go_on() -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGCONT)
        os.close(handle)

    signal.pidfd_send_signal(handle, signal.SIGSTOP)
    waker = threading.Timer(seconds, go_on)
    waker.start()
    return waker


def _name(pid: int) -> str | None:
    with contextlib.suppress(OSError):
        found = _PROCESSES.search(Path(f"/proc/{pid}/comm").read_text(encoding="ascii"))
        if found:
            return str(found.group(1) or found.group(2))
    return None


def _url(house: Installation) -> str:
    return house.environ.get("SENDDOCK_DATABASE_URL", f"sqlite:///{house.data}/senddock.db")


def _pending(database: Database) -> int:
    with database.connect() as connection:
        return connection.execute(
            select(func.count())
            .select_from(Delivery)
            .where(Delivery.status.in_(("queued", "sending", "deferred", "scheduled")))
        ).scalar_one()


def _uncertain(database: Database) -> collections.Counter[str]:
    with database.connect() as connection:
        rows = connection.execute(select(Attempt.message_id).where(Attempt.verdict_class == "uncertain"))
        return collections.Counter(row.message_id for row in rows)


def _states(database: Database) -> dict[str, str]:
    with database.connect() as connection:
        return {row.id: row.state for row in connection.execute(select(Message.id, Message.state))}


def _marker(data: Any) -> str:
    found = re.search(rb"^Subject: (\w+)", data, re.MULTILINE)
    assert found
    return found.group(1).decode()
