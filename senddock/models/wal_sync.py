"""SQLite's write-ahead log put on disk by its writer, outside the turn of the one writer.

A commit with ``synchronous=NORMAL`` has written its frames to the log and not waited for the disk. ``fdatasync`` of the log
afterwards makes that commit, and every one before it, as durable as ``synchronous=FULL`` would have
(https://sqlite.org/wal.html): SQLite itself syncs the log's header when the log begins anew, and log and database around
each checkpoint. Several processes wait for the disk together instead of one after the other.

A sync that fails may be the only word about pages that are lost: the kernel calls them clean afterwards, and the next sync
succeeds without them (https://wiki.postgresql.org/wiki/Fsync_Errors). What it has in memory is right still, so after a
failure the log is written again, all of it, before anything is added to it (docs/adr/0062).
"""

import logging
import os
import sqlite3
from contextlib import closing

log = logging.getLogger(__name__)

#: Octets written at a time.
_CHUNK = 1 << 20
#: SQLite's result codes for what a disk does wrong, whatever it was doing (https://sqlite.org/rescode.html#ioerr).
_IOERR = 10


class Unsynced(RuntimeError):
    """A commit is in force, but the disk did not confirm it: the loss of power may undo it."""


class WalSync:
    """The log of one database file; the database has to be open in this process all the while.

    SQLite deletes the log when the last connection closes, so a descriptor belongs to the connection it was made with.
    """

    def __init__(self, database: str) -> None:
        """``database`` is the path of the database file. Raises ``OSError`` when there is no log."""
        self._descriptor = os.open(database + "-wal", os.O_RDONLY | os.O_CLOEXEC)

    def sync(self) -> None:
        """Wait until what was committed is on disk. Raises `Unsynced`."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise Unsynced(f"the disk did not confirm a commit: {error}") from error

    def close(self) -> None:
        """Give the descriptor back. SQLite's locks are on other files, so that they stay."""
        os.close(self._descriptor)


class Doubt:
    """One octet beside the database, for all its processes: the disk has failed to confirm something in the log.

    It is not meant to survive the machine: after a loss of power the log is what the disk has.
    """

    _YES = b"!"

    def __init__(self, descriptor: int) -> None:
        """``descriptor`` is that of the file with the octet, open for writing."""
        self._descriptor = descriptor
        #: For a disk that does not take the octet either; then only this process knows.
        self._here = False

    def begin(self) -> None:
        """Nothing may be added to the log before it has been written again."""
        self._here = True
        self._set(self._YES)

    def end(self) -> None:
        """It has been written again."""
        self._here = False
        self._set(b".")

    def __bool__(self) -> bool:
        return self._here or os.pread(self._descriptor, 1, 0) == self._YES

    def _set(self, octet: bytes) -> None:
        try:
            os.pwrite(self._descriptor, octet, 0)
        except OSError as error:
            log.warning("the other processes do not learn what the disk said: %s", error)


def is_disk_fault(error: BaseException | None) -> bool:
    """True when SQLite says that the disk failed; a log that it could not sync is among these."""
    return isinstance(error, sqlite3.Error) and (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF == _IOERR


def write_again(database: str) -> None:
    """Write every page of the log again as the kernel knows it, and wait for the disk. Raises ``OSError``.

    The caller has the one writer's turn; a person with a shell is kept out by the database's own lock. Readers see the
    same octets before and after.
    """
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise OSError(f"the database is locked: {error}") from error
        descriptor = os.open(database + "-wal", os.O_RDWR | os.O_CLOEXEC)
        try:
            at = 0
            while chunk := os.pread(descriptor, _CHUNK, at):
                at += os.pwrite(descriptor, chunk, at)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        connection.execute("ROLLBACK")
