"""A full disk, a database that takes no writes or is locked, Redis away, a clock that jumps: submission is refused with a
503 or kept, nothing that was accepted is lost, and nothing is sent whose dot mark is not on disk."""

import contextlib
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from redis import Redis
from sqlalchemy import create_engine, func, select, text, update
from sqlalchemy.engine import make_url

from senddock import redis_server
from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch import keys
from senddock.dispatch.clock import Clock
from senddock.dispatch.dot_marks import marks_of
from senddock.dispatch.outbox import utcnow
from senddock.dispatch.recover import recover
from senddock.models import Database, Message, StorageUnavailable
from senddock.models.database import engine_options
from senddock.secrets.vault import Vault
from tests.conftest import Bench, new_postgresql
from tests.e2e.house import until
from tests.smtp_server import ScriptedSMTP
from tests.storage.disk import Disk, small_disk

Servers = Callable[..., ScriptedSMTP]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as made:
        yield made


@pytest.fixture
def on_disk(disk: Disk, sqlite_template: Path, vault: Vault) -> Iterator[Bench]:
    """An engine whose database is on the small disk."""
    shutil.copy(sqlite_template, disk.folder / "senddock.db")
    database = Database(f"sqlite:///{disk.folder}/senddock.db")
    made = Bench(database, vault, None)
    yield made
    made.close()
    database.close()


@pytest.fixture
def postgresql_url(postgres_socket: str, postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database of its own."""
    with new_postgresql(postgres_socket, postgres_template) as url:
        yield url


def stored(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


def test_on_a_full_disk_the_api_answers_503_and_what_was_accepted_is_kept(
    on_disk: Bench, disk: Disk, vault: Vault, redis: Redis, tmp_path: Path
) -> None:
    token = keys.create(on_disk.database, "shop")[1]
    settings = Settings.from_env({"SENDDOCK_DATABASE_URL": on_disk.database.url, "SENDDOCK_DATA_DIR": str(tmp_path)})
    app = create_app(settings, vault=vault, redis=redis)
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    body = {"from": "us@example.com", "to": "a@example.org", "subject": "x", "text": "x" * 20_000}

    def post() -> int:
        return client.post("/api/emails", json=body, headers=headers).status_code

    try:
        assert post() == 200
        disk.fill()
        # What room the files have left inside may take one or two more; what is answered 200 is there.
        answers = [post() for _ in range(12)]
        assert answers[-1] == 503
        refused = client.post("/api/emails", json=body, headers=headers)
        assert refused.headers["Retry-After"] == "5"
        assert "not stored" in refused.get_json()["message"]
        assert stored(on_disk.database) == 1 + answers.count(200)
        disk.make_room()
        assert post() == 200
        assert stored(on_disk.database) == 2 + answers.count(200)
    finally:
        app.extensions["senddock"].outbox.close()
        app.extensions["senddock"].database.close()


def test_on_a_full_disk_no_dot_leaves_and_everything_is_sent_once_there_is_room(
    on_disk: Bench, disk: Disk, smtp_server: Servers
) -> None:
    server = smtp_server()
    on_disk.provider(server.port)
    ids = [on_disk.submit(text="x" * 20_000) for _ in range(20)]
    assert on_disk.engine.worker_id
    disk.fill()
    on_disk.engine.drain(longest=1)
    with on_disk.database.read() as session:
        marked = session.scalar(text("SELECT count(*) FROM attempt WHERE dot_at IS NOT NULL")) or 0
        marked += len(marks_of(session))
    assert len(server.taken) <= marked
    disk.make_room()

    def all_sent() -> bool:
        # What the full disk made a defect of is taken back by the clock.
        recover(on_disk.database, now=utcnow() + timedelta(minutes=2), lease=300)
        with on_disk.database.write() as session:
            session.execute(update(Message).where(Message.due_at.is_not(None)).values(due_at=utcnow()))
        on_disk.engine.drain(longest=2)
        return len(server.taken) >= 20 and on_disk.engine.lanes.outstanding == 0

    until(all_sent, 120, lambda: f"{len(server.taken)} of 20 were sent")
    assert len(server.taken) == 20
    assert {on_disk.story(message_id)["state"] for message_id in ids} == {"accepted"}


def test_a_disk_that_may_only_be_read_refuses_and_loses_nothing(
    disk: Disk, sqlite_template: Path, vault: Vault, smtp_server: Servers
) -> None:
    url = f"sqlite:///{disk.folder}/senddock.db"
    shutil.copy(sqlite_template, disk.folder / "senddock.db")
    server = smtp_server()
    with contextlib.closing(Database(url)) as before:
        first = Bench(before, vault, None)
        first.provider(server.port)
        kept = first.submit()
        first.close()
    with disk.read_only(), contextlib.closing(Database(url)) as during:
        refused = Bench(during, vault, None)
        with pytest.raises(StorageUnavailable):
            refused.submit()
        refused.close()
    with contextlib.closing(Database(url)) as after:
        last = Bench(after, vault, None)
        assert stored(after) == 1
        last.engine.drain()
        assert last.story(kept)["state"] == "accepted"
        last.close()


def test_a_postgresql_that_takes_no_writes_refuses_and_loses_nothing(
    postgresql_url: str, vault: Vault, smtp_server: Servers
) -> None:
    server = smtp_server()
    with contextlib.closing(Database(postgresql_url)) as database:
        bench = Bench(database, vault, None)
        bench.provider(server.port)
        kept = bench.submit()
        _say(postgresql_url, "ALTER DATABASE {} SET default_transaction_read_only = on")
        with pytest.raises(StorageUnavailable, match="cannot take a write"):
            bench.submit()
        _say(postgresql_url, "ALTER DATABASE {} RESET default_transaction_read_only")
        assert stored(database) == 1
        bench.engine.drain()
        assert bench.story(kept)["state"] == "accepted"
        bench.close()


def _say(url: str, statement: str) -> None:
    """Change a database's settings; they hold for connections made from now on, so the others are ended."""
    parsed = make_url(url)
    with psycopg.connect(f"host={parsed.query['host']} user=senddock dbname=postgres", autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(parsed.database or "")))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (parsed.database,)
        )


def test_a_lock_that_is_held_for_long_refuses_and_one_that_ends_in_time_is_waited_for(
    sqlite: Database, vault: Vault
) -> None:
    options = engine_options(sqlite.url)
    options["connect_args"] = {**options["connect_args"], "timeout": 0.3}
    hasty = Database(sqlite.url, engine=create_engine(sqlite.url, **options))
    bench = Bench(hasty, vault, None)
    try:
        # Somebody with a shell who does not know of our lock.
        with sqlite3.connect(sqlite.url.removeprefix("sqlite:///"), isolation_level=None) as person:
            person.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageUnavailable, match="locked"):
                bench.submit()
            person.execute("ROLLBACK")
        person.close()
        patient = Bench(sqlite, vault, None)
        with sqlite3.connect(
            sqlite.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
        ) as person:
            person.execute("BEGIN IMMEDIATE")
            alarm = threading.Timer(0.3, person.execute, ("ROLLBACK",))
            alarm.start()
            patient.submit()
            alarm.join()
        person.close()
        patient.close()
        assert stored(sqlite) == 1
    finally:
        bench.close()
        hasty.close()


def test_without_redis_mail_is_accepted_and_sent_and_its_return_changes_nothing(
    sqlite: Database, vault: Vault, smtp_server: Servers
) -> None:
    with tempfile.TemporaryDirectory(prefix="sdr", dir="/tmp") as folder:
        process, _ = redis_server.start(Path(folder))
        client = Redis.from_url(redis_server.url_of(Path(folder)))
        bench = Bench(sqlite, vault, client)
        server = smtp_server()
        bench.provider(server.port, per_minute=1000, max_connections=4)
        bench.submit()
        bench.engine.drain()
        process.kill()
        process.wait(60)
        during = [bench.submit() for _ in range(3)]
        bench.engine.drain(longest=3)
        again, _ = redis_server.start(Path(folder))
        after = bench.submit()

        def all_taken() -> bool:
            bench.engine.drain(longest=1)
            return len(server.taken) == 5

        until(all_taken, 60, lambda: f"{len(server.taken)} of 5 were sent")
        assert {bench.story(message_id)["state"] for message_id in (*during, after)} == {"accepted"}
        bench.close()
        client.close()
        again.terminate()
        again.wait(60)


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
def test_a_clock_that_jumps_an_hour_keeps_no_mail_waiting(bench: Bench, smtp_server: Servers, hours: int) -> None:
    server = smtp_server()
    bench.provider(server.port, per_minute=100)
    shift = [timedelta()]

    def now() -> datetime:
        return utcnow() + shift[0]

    bench.now = now
    bench.submit()
    bench.engine.drain()
    waiting = bench.submit()
    clock = Clock(bench.database, lambda: None, lease=15, now=now)
    clock.look(100.0)
    shift[0] = timedelta(hours=hours)
    clock.look(101.0)
    assert clock.due()
    bench.engine.drain()
    assert len(server.wait_for(2)) == 2
    assert bench.story(waiting)["state"] == "accepted"
