"""The lock at which all writers of one SQLite file queue (docs/adr/0002)."""

import fcntl
import os
import threading
from pathlib import Path

from senddock.models.wal_sync import Doubt


class WriteGate:
    """Mutual exclusion between all threads of all processes that write to one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._descriptor: int | None = None
        self._pid = 0
        #: Of what is in the log; kept in the file that is locked.
        self._doubt: Doubt | None = None

    @property
    def doubt(self) -> Doubt:
        """Whether all of the log may be on disk; there once the gate has been passed."""
        assert self._doubt is not None
        return self._doubt

    def acquire(self) -> None:
        self._threads.acquire()
        try:
            if self._descriptor is None or self._pid != os.getpid():
                # A lock on a descriptor inherited over fork would be the parent's lock too.
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._pid = os.getpid()
                self._doubt = Doubt(self._descriptor)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def release(self) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        with self._threads:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None and self._pid == os.getpid():
                os.close(descriptor)
