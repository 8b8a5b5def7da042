"""A Redis of a test's own, to be killed, stopped in the middle of everything, and brought back."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from senddock import redis_server


class OwnRedis:
    """A server that is not the supervisor's to start again."""

    def __init__(self, folder: Path) -> None:
        self.url = redis_server.url_of(folder)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty."""
        self._process, _ = redis_server.start(self._folder)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """From here on it takes connections and answers nothing (SIGSTOP)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # The signal is on its way: it has arrived when the kernel says so.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def go_on(self) -> None:
        """Let it answer again (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def own_redis() -> Iterator[OwnRedis]:
    """A running server, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="sdr", dir="/tmp") as folder:
        made = OwnRedis(Path(folder))
        made.start()
        yield made
        made.kill()
