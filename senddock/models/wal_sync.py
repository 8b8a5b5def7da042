"""SQLite's write-ahead log put on disk by its writer, outside the turn of the one writer.

A commit with ``synchronous=NORMAL`` has written its frames to the log and not waited for the disk. ``fdatasync`` of the log
afterwards makes that commit, and every one before it, as durable as ``synchronous=FULL`` would have
(https://sqlite.org/wal.html): SQLite itself syncs the log's header when the log begins anew, and log and database around
each checkpoint. Several processes wait for the disk together instead of one after the other.
"""

import os


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
