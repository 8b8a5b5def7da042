"""A sync that fails loses pages, and the next one succeeds without them: what counts as on disk has to be there all the same.

A disk that really forgets needs a kernel module, so it is modelled here: the log as the kernel has it is the real file,
and at each `os.fdatasync` the blocks written since the last one reach the modelled disk or, when it fails, never do.
"""

import contextlib
import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from senddock.dispatch.outbox import utcnow
from senddock.models import Database, Setting, StorageUnavailable
from senddock.models.wal_sync import WalSync
from tests.conftest import Bench
from tests.smtp_server import Fault, ScriptedSMTP

Servers = Callable[..., ScriptedSMTP]
_BLOCK = 4096


class ForgetfulDisk:
    """The disk under the log of one database."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self._database = Path(str(database.engine.url.database))
        self._log = Path(f"{self._database}-wal")
        self._sync, self._write = os.fdatasync, os.pwrite
        self._lock = threading.Lock()
        self._clean = self._disk = self._blocks()
        self._written: set[int] = set()
        #: Whether the coming syncs succeed, the next one first; those after them do.
        self.answers: list[bool] = []
        self.failed = 0
        monkeypatch.setattr(os, "fdatasync", self._fdatasync)
        monkeypatch.setattr(os, "pwrite", self._pwrite)

    def after_the_power_failed(self, folder: Path) -> Path:
        """The database as it is found when the machine is back."""
        folder.mkdir()
        shutil.copy(self._database, folder / "found.db")
        with self._lock:
            image = b"".join(self._disk[at] for at in range(len(self._disk)))
        (folder / "found.db-wal").write_bytes(image)
        return folder / "found.db"

    def _blocks(self) -> dict[int, bytes]:
        whole = self._log.read_bytes()
        return {at // _BLOCK: whole[at : at + _BLOCK] for at in range(0, len(whole), _BLOCK)}

    def _is_log(self, descriptor: int) -> bool:
        return os.fstat(descriptor).st_ino == self._log.stat().st_ino

    def _pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        if self._is_log(descriptor):
            with self._lock:
                self._written.update(range(offset // _BLOCK, (offset + len(data)) // _BLOCK + 1))
        return self._write(descriptor, data, offset)

    def _fdatasync(self, descriptor: int) -> None:
        self._sync(descriptor)
        if not self._is_log(descriptor):
            return
        with self._lock:
            now = self._blocks()
            dirty = {at for at, block in now.items() if block != self._clean.get(at) or at in self._written}
            self._clean = now
            self._written.clear()
            if self.answers and not self.answers.pop(0):
                # What is lost stays what it was; a block that was never there is found as zeros.
                self._disk = {**{at: b"\0" * len(now[at]) for at in dirty}, **self._disk}
                self.failed += 1
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self._disk = {**self._disk, **{at: now[at] for at in dirty}}


@pytest.mark.parametrize("answers", [[True, False], [False, False, True, False]], ids=["once", "again and again"])
def test_no_dot_leaves_whose_mark_the_loss_of_power_would_undo(
    sqlite_bench: Bench,
    smtp_server: Servers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    answers: list[bool],
) -> None:
    found: dict[str, bool] = {}

    def look(sender: str) -> Fault | None:
        path = disk.after_the_power_failed(tmp_path / sender)
        with sqlite3.connect(path) as connection:
            marks = connection.execute("SELECT marks FROM dot_mark").fetchall()
        connection.close()
        found[sender] = any(ids[sender] in text for (text,) in marks)
        return None

    server = smtp_server({"final_dot": look})
    sqlite_bench.provider(server.port, max_connections=1)
    ids = {f"m{number}@example.com": sqlite_bench.submit(from_=f"m{number}@example.com") for number in range(8)}
    assert sqlite_bench.engine.worker_id
    disk = ForgetfulDisk(sqlite_bench.database, monkeypatch)
    disk.answers = list(answers)
    sqlite_bench.engine.drain(longest=20)
    assert len(server.wait_for(8)) == 8, "each is sent, and once"
    assert disk.failed == answers.count(False)
    assert found == dict.fromkeys(ids, True)


def test_what_is_accepted_after_a_failure_survives_the_loss_of_power(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _store(sqlite, "first")
    disk = ForgetfulDisk(sqlite, monkeypatch)
    disk.answers = [False]
    with pytest.raises(StorageUnavailable, match="disk I/O error"):
        _store_on_a_failing_disk(sqlite, "refused")
    # Nothing is accepted before the disk has confirmed what was there.
    with pytest.raises(StorageUnavailable, match="does not confirm"):
        _store(sqlite, "too early")
    assert disk.failed == 1
    _store(sqlite, "second")
    # The sync of an acceptance is SQLite's own and passes the model by.
    with contextlib.closing(WalSync(str(sqlite.engine.url.database))) as log:
        log.sync()
    path = disk.after_the_power_failed(tmp_path / "after")
    with sqlite3.connect(path) as found:
        keys = {key for (key,) in found.execute("SELECT key FROM setting")}
    found.close()
    assert {"first", "second"} <= keys
    assert not {"refused", "too early"} & keys


def _store(database: Database, key: str) -> None:
    with database.write() as session:
        session.add(Setting(key=key, value="x", updated_at=utcnow()))


def _store_on_a_failing_disk(database: Database, key: str) -> None:
    """As SQLite says it when the sync of a commit fails."""
    with database.transaction() as connection:
        connection.execute(insert(Setting).values(key=key, value="x", updated_at=utcnow()))
        failed = sqlite3.OperationalError("disk I/O error")
        failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise OperationalError("COMMIT", None, failed)
