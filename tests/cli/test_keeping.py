"""Backups, the way back, a new master key, and letting go of old messages."""

import json
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from senddock.dispatch import providers, pruning, webhooks
from senddock.dispatch.resealing import CANARY, PLACES, reseal, unreadable
from senddock.models import Attempt, Base, Content, Database, Delivery, Event, Message, Setting
from senddock.secrets.vault import Vault, WrongMasterKey
from senddock.supervisor import hold_lock
from tests.cli.conftest import Run
from tests.conftest import Bench

PASSWORD = "hunter2-hunter2"
ADD = ("provider", "add", "--name", "SES", "--host", "localhost", "--port", "2587", "--encryption", "none",
       "--username", "me", "--password-stdin", "--from-email", "us@example.com", "--json")  # fmt: skip


def test_a_backup_is_one_sealed_file_that_restores_the_house(run: Run, tmp_path: Path) -> None:
    assert run(*ADD, stdin=PASSWORD).returncode == 0
    sent = run("send", "--to", "a@example.org", "--subject", "One", "--text", "x").stdout.strip()
    saved = tmp_path / "house.backup"
    done = run("backup", str(saved), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["octets"] == saved.stat().st_size
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    key = (tmp_path / "data" / "master.key").read_bytes().strip()
    assert PASSWORD.encode() not in saved.read_bytes()
    assert key not in saved.read_bytes()
    assert run("backup", str(saved)).returncode == 1, "an older backup is not written over"

    assert run("provider", "remove", "1").returncode == 0
    restored = json.loads(run("restore", str(saved), "--json").stdout)
    assert (restored["waiting"], restored["held"]) == (1, 1)
    assert Path(restored["kept"]).is_file(), "what was there before is kept"
    assert json.loads(run("provider", "list", "--json").stdout)[0]["name"] == "SES"
    # It may have left since the backup was made: a person decides.
    assert json.loads(run("messages", "show", sent, "--json").stdout)["state"] == "uncertain"
    assert json.loads(run("restore", str(saved), "--resume", "--json").stdout)["held"] == 0
    assert json.loads(run("messages", "show", sent, "--json").stdout)["state"] == "queued"


def test_what_is_no_backup_is_refused_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    assert run(*ADD, stdin=PASSWORD).returncode == 0
    saved = tmp_path / "house.backup"
    assert run("backup", str(saved)).returncode == 0
    damaged, other, text = tmp_path / "damaged", tmp_path / "other", tmp_path / "text"
    content = bytearray(saved.read_bytes())
    content[4096 : 4096 * 12] = b"\x7f" * (4096 * 11)
    damaged.write_bytes(content)
    text.write_text("no database")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE x (y)")
        connection.commit()
    for file in (damaged, other, text, tmp_path / "missing"):
        done = run("restore", str(file))
        assert (done.returncode, "Traceback" in done.stderr) == (1, False), file
        assert file.name in done.stderr
    with hold_lock(tmp_path / "data"):
        done = run("restore", str(saved))
    assert done.returncode == 1
    assert "stop SendDock first" in done.stderr
    shutil.move(tmp_path / "data" / "master.key", tmp_path / "master.key")
    assert "another master key" in run("restore", str(saved)).stderr
    shutil.move(tmp_path / "master.key", tmp_path / "data" / "master.key")
    assert json.loads(run("provider", "list", "--json").stdout)[0]["name"] == "SES"


def test_postgresql_is_backed_up_with_its_own_tools(run: Run) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    for command in ("backup", "restore"):
        done = run(command, "x", SENDDOCK_DATABASE_URL=url)
        assert done.returncode == 1
        assert "pg_" in done.stderr


def test_a_new_master_key_is_made_and_the_old_one_opens_nothing(run: Run, tmp_path: Path) -> None:
    assert run(*ADD, stdin=PASSWORD).returncode == 0
    file = tmp_path / "data" / "master.key"
    before = file.read_text()
    with hold_lock(tmp_path / "data"):
        assert "stop SendDock first" in run("secrets", "rotate").stderr
    assert json.loads(run("secrets", "rotate", "--json").stdout) == {"resealed": 1}
    assert before not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (kept,) = (tmp_path / "data").glob("master.key.before-*")
    assert kept.read_text() == before
    assert run("provider", "list").returncode == 0
    done = run("provider", "list", "--json", SENDDOCK_MASTER_KEY=before.strip())
    assert json.loads(done.stdout)[0]["name"] == "SES"
    done = run(*ADD, stdin=PASSWORD, SENDDOCK_MASTER_KEY=before.strip())
    assert "another master key" in done.stderr


def test_a_configured_key_is_rotated_while_everything_runs(run: Run) -> None:
    old, new = "q0Xv3m1Zb8cN5tYw2RkLpJhGfDsAoIuE7x9VnBzC4lM=", "Zb8cN5tYw2RkLpJhGfDsAoIuE7x9VnBzC4lMq0Xv3m0="
    assert run(*ADD, stdin=PASSWORD, SENDDOCK_MASTER_KEY=old).returncode == 0
    alone = run("secrets", "rotate", SENDDOCK_MASTER_KEY=old)
    assert alone.returncode == 1
    assert "NEW,OLD" in alone.stderr
    assert json.loads(run("secrets", "rotate", "--json", SENDDOCK_MASTER_KEY=f"{new},{old}").stdout) == {"resealed": 1}
    assert run("doctor", SENDDOCK_MASTER_KEY=new).stdout.count("SENDDOCK_MASTER_KEY fits this database") == 1


def test_every_sealed_column_is_sealed_again(sqlite: Database) -> None:
    known = {f"{place.column.class_.__tablename__}.{place.column.key}" for place in PLACES}
    sealed = {
        f"{table.name}.{column.name}" for table in Base.metadata.tables.values() for column in table.columns
        if "sealed" in column.name
    }  # fmt: skip
    assert sealed == known
    old, new = b"o" * 31 + b"x", b"n" * 31 + b"y"
    given = {
        "name": "SES",
        "host": "localhost",
        "port": 25,
        "encryption": "none",
        "from_email": "a@b.de",
        "username": "me",
    }
    row = providers.add(sqlite, Vault([old]), given, PASSWORD)
    webhook, _ = webhooks.add(sqlite, Vault([old]), "https://example.com/hook", now=datetime.now(UTC))
    webhooks.rotate(sqlite, Vault([old]), webhook.id, datetime.now(UTC))
    with sqlite.write() as session:
        session.add(Setting(key=CANARY, value=Vault([old]).canary(), updated_at=datetime.now(UTC)))
    assert reseal(sqlite, Vault([new, old]), datetime.now(UTC)) == 3
    assert reseal(sqlite, Vault([new, old]), datetime.now(UTC)) == 0
    stored = providers.get(sqlite, row.id).password_sealed
    assert stored
    assert Vault([new]).open(stored, table="provider", row=str(row.id), column="password") == PASSWORD.encode()
    assert list(unreadable(sqlite, Vault([old]))) == [
        f"provider {row.id}", f"webhook_endpoint {webhook.id}", f"webhook_endpoint {webhook.id}",
    ]  # fmt: skip
    assert list(unreadable(sqlite, Vault([new]))) == []
    with pytest.raises(WrongMasterKey):
        reseal(sqlite, Vault([b"z" * 31 + b"q"]), datetime.now(UTC))


def test_pruning_keeps_failures_longer_and_what_waits_for_ever(bench: Bench) -> None:
    now = datetime.now(UTC)
    ages = {"accepted": 100, "failed": 100, "uncertain": 400, "queued": 4000, "canceled": 10}
    ids = {state: bench.submit(f"{state}@example.org") for state in ages}
    with bench.database.write() as session:
        for state, days in ages.items():
            past = now - timedelta(days=days)
            due = past if state == "queued" else None
            values = {"state": state, "created_at": past, "finished_at": None if due else past, "due_at": due}
            session.execute(update(Message).where(Message.id == ids[state]).values(**values))
    age = pruning.Age(now - timedelta(days=90), now - timedelta(days=365))
    assert pruning.count_old(bench.database, age) == 2
    assert sum(pruning.prune(bench.database, age, now)) == 2
    with bench.database.read() as session:
        assert set(session.scalars(select(Message.id))) == {ids[state] for state in ("failed", "queued", "canceled")}
        for kind in (Content, Delivery, Event, Attempt):
            gone = select(kind.message_id).where(kind.message_id.in_([ids["accepted"], ids["uncertain"]]))
            assert session.scalars(gone).all() == []


def test_prune_only_counts_when_asked_to(run: Run) -> None:
    assert json.loads(run("prune", "--dry-run", "--json").stdout) == {"found": 0, "deleted": 0}
    assert run("prune").stdout == "0 messages deleted.\n"
