"""Processes as forks of this one: what it has imported is in memory once, however many of them run.

Only a process with one thread and without connections may be forked: a lock another thread holds would stay locked for
ever in the copy, a socket would be spoken on by two, and SQLite loses its locks (https://sqlite.org/howtocorrupt.html).
"""

import contextlib
import ctypes
import gc
import os
import signal
import stat
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_HELD_BACK = (signal.SIGTERM, signal.SIGINT)
#: Found before the fork, because the dynamic linker takes locks.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Forked:
    """A child that was forked; the part of ``subprocess.Popen`` which the supervisor uses."""

    def __init__(self, pid: int, stdout: IO[bytes]) -> None:
        self.pid = pid
        #: What it prints on standard output and standard error.
        self.stdout = stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, below zero for a signal; None while it runs."""
        return self._collect(os.WNOHANG)

    def wait(self) -> int:
        """Wait until it has ended; answers the exit code."""
        code = self._collect(0)
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _collect(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def hindrances() -> list[str]:
    """Why this process must not be forked; empty when it may be. Standard streams and lock files are no hindrance."""
    if sys.platform != "linux":
        return [f"{sys.platform}: forking without exec is unsafe there or has not been tried"]
    found = []
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        found.append(f"{threads} threads")
    for entry in Path("/proc/self/fd").iterdir():
        # The descriptor of this listing itself is closed by now.
        with contextlib.suppress(FileNotFoundError):
            mode, target = entry.stat().st_mode, str(entry.readlink())
            if int(entry.name) > 2 and (stat.S_ISSOCK(mode) or (stat.S_ISREG(mode) and not target.endswith("up.lock"))):
                found.append(target)
    return found


def settle() -> None:
    """To be called once, when everything is imported: the collector of a child must not touch, and so copy, these pages."""
    gc.collect()
    gc.freeze()


def fork(name: str, call: Callable[[], None]) -> Forked:
    """Run ``call`` in a copy of this process, in a session of its own; ``name`` is shown by ``ps -e`` and ``top``."""
    reader, writer = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal that came to the copy before it has handlers of its own would be answered by ours, and lost.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        pid = os.fork()
        if pid == 0:
            _live(name, call, parent, writer)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(writer)
    return Forked(pid, os.fdopen(reader, "rb", buffering=0))


def die_with_parent() -> None:
    """After a kill -9 of the supervisor no orphan may hold the ports (Linux; elsewhere the next `up` says so)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _live(name: str, call: Callable[[], None], parent: int, writer: int) -> None:
    """The life of the copy. Never returns: the frames above belong to the parent."""
    code = 1
    try:
        _part(name, parent, writer)
        call()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the supervisor prints it and starts the process again
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _part(name: str, parent: int, writer: int) -> None:
    """Give up all that is the parent's."""
    os.setsid()
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_NAME, f"sd-{name}".encode()[:15])
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    _forget_logging()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)


def _forget_logging() -> None:
    import logging

    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
