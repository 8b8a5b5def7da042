"""One consistent file of a running SQLite house, and the way back. Credentials in it stay sealed; no key is in it."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from senddock.dispatch.refusals import Refused
from senddock.domain.status import PENDING, Status

#: Pages copied at once; writers go on between two steps.
_PAGES = 2_000
_HELD = "Restored from a backup: it may have been sent since. Send it again by hand if it was not."


def save(source: Path, target: Path, progress: Callable[[int, int], None]) -> int:
    """Copy the database while it is in use; answers the size in octets. Raises `Refused`."""
    if target.exists():
        raise Refused(f"{target} exists already: choose another name.", field="file", code="conflict")
    partial = target.with_name(target.name + ".partial")
    try:
        # Made readable for its owner only before anything is in it.
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with closing(sqlite3.connect(source)) as house, closing(sqlite3.connect(partial)) as copy:
            house.backup(copy, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total), sleep=0.01)
            copy.execute("PRAGMA journal_mode=DELETE")
        _check(partial)
        _sync(partial)
        partial.rename(target)
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror or error}.", field="file") from error
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def examine(file: Path) -> tuple[str, str | None]:
    """The schema's version and the canary of a backup. Raises `Refused` when it is none, or is damaged."""
    if not file.is_file():
        raise Refused(f"There is no file {file}.", field="file", code="not_found")
    _check(file)
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
        try:
            (version,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
            canary = copy.execute("SELECT value FROM setting WHERE key = 'vault_canary'").fetchone()
        except (sqlite3.DatabaseError, TypeError) as error:
            raise Refused(f"{file} is a database, but not one of SendDock.", field="file") from error
    return str(version), canary[0] if canary else None


def put_back(file: Path, database: Path, *, resume: bool) -> tuple[Path | None, int]:
    """Put a backup in the database's place; the caller made sure that nothing runs and the backup is good.

    Answers where the database that was there is kept now, and how many messages wait. Unless ``resume``, messages that
    waited when the backup was made are held as uncertain: they may have been sent since, and nothing is sent twice on
    purpose.
    """
    incoming = database.with_name(database.name + ".incoming")
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
        os.close(os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with closing(sqlite3.connect(incoming)) as target:
            copy.backup(target)
            waiting = target.execute(f"SELECT count(*) FROM message WHERE state IN ({_MARKS})", _STATES).fetchone()[0]  # noqa: S608
            if not resume:
                _hold(target)
            target.commit()
    _sync(incoming)
    kept = None
    if database.exists():
        with closing(sqlite3.connect(database)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept = database.with_name(f"{database.name}.before-{datetime.now(UTC):%Y%m%d-%H%M%S}")
        database.rename(kept)
    for leftover in ("-wal", "-shm"):
        database.with_name(database.name + leftover).unlink(missing_ok=True)
    incoming.rename(database)
    return kept, int(waiting)


_STATES = tuple(sorted(status.value for status in PENDING))
_MARKS = ", ".join("?" for _ in _STATES)


def _hold(target: sqlite3.Connection) -> None:
    uncertain = Status.UNCERTAIN.value
    target.execute(
        f"UPDATE delivery SET status = ?, next_attempt_at = NULL, text = ? WHERE status IN ({_MARKS})",  # noqa: S608
        (uncertain, _HELD, *_STATES),
    )
    target.execute(
        f"UPDATE message SET state = ?, due_at = NULL, worker_id = NULL, reason = ?, fence = fence + 1 "  # noqa: S608
        f"WHERE state IN ({_MARKS})",
        (uncertain, _HELD, *_STATES),
    )


def _check(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise Refused(f"{file} cannot be read as a backup: {error}.", field="file") from error
    if found != "ok":
        raise Refused(f"{file} is damaged: {found}.", field="file")


def _sync(file: Path) -> None:
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
