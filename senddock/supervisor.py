"""`senddock up`: runs the processes of one machine, starts a dead one again, and stops all of them together.

Process managers in the manner of foreman stop everything when one process ends; a dispatcher must go on.
"""

import fcntl
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from senddock.forking import Forked, die_with_parent, fork, hindrances, settle

log = logging.getLogger(__name__)

#: Seconds all processes have to end after SIGTERM before they are killed.
PATIENCE = 30.0
#: First and longest pause before a process that died is started again, in seconds.
_PAUSES = (0.2, 10.0)
#: A process that ran this long starts with the first pause again.
_HEALTHY = 10.0


class AlreadyRunning(RuntimeError):
    """Another `senddock up` works on this data folder."""


@dataclass(slots=True)
class Child:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    #: Does what the command does, in a fork of this process: used instead of it when nothing hinders forking.
    call: Callable[[], None] | None = None
    #: Started before and stopped after the others.
    first: bool = False
    process: subprocess.Popen[bytes] | Forked | None = None
    started: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0
    #: The beginning of a line whose end has not been read yet.
    rest: bytes = b""


def hold_lock(data_dir: Path) -> IO[str]:
    """Take the folder for this `up`; keep the returned file open. Raises `AlreadyRunning`."""
    stream = (data_dir / "up.lock").open("a+")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise AlreadyRunning(f"senddock up is running already on {data_dir}: stop it first") from error
    return stream


class Supervisor:
    """Keeps children running until a signal ends it."""

    def __init__(self, children: Sequence[Child], out: IO[str] | None = None) -> None:
        self._children = list(children)
        self._out = out or sys.stdout
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._settled = False
        self._width = max(len(child.name) for child in children)

    def run(self) -> int:
        """Start everything and stay until SIGTERM or SIGINT; answers the exit code."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        # A signal must interrupt the wait for output.
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        self._selector.register(reader, selectors.EVENT_READ, None)
        try:
            while not self._stopping:
                self._start_due()
                self._pump(0.2)
                self._reap()
            self._stop_all()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            os.close(reader)
            os.close(writer)
        return 0

    def _on_signal(self, *_: object) -> None:
        self._stopping = True

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in sorted(self._children, key=lambda item: not item.first):
            if child.process is None and now >= child.start_at:
                self._start(child)

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = self._forked(child) or self._executed(child)
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _forked(self, child: Child) -> Forked | None:
        call = child.call
        if call is None:
            return None
        found = hindrances()
        if found:
            log.info("%s runs without shared memory: %s", child.name, ", ".join(found))
            return None
        if not self._settled:
            settle()
            self._settled = True

        def live() -> None:
            os.environ.update(child.environ)
            call()

        return fork(child.name, live)

    def _executed(self, child: Child) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(child.command),
            env={**os.environ, **child.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A signal from the terminal reaches the supervisor only; it stops the others in order.
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, before any thread exists
        )

    def _pump(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            child: Child | None = key.data
            if child is None:
                os.read(key.fd, 4096)
            else:
                self._copy(child)

    def _copy(self, child: Child) -> None:
        assert child.process is not None
        assert child.process.stdout is not None
        data = child.process.stdout.read()
        if data:
            *lines, child.rest = (child.rest + data).split(b"\n")
            self._print(child, lines)
        elif data == b"":
            self._print(child, [child.rest] if child.rest else [])
            child.rest = b""
            self._selector.unregister(child.process.stdout)
            child.process.stdout.close()

    def _print(self, child: Child, lines: Sequence[bytes]) -> None:
        for line in lines:
            self._out.write(f"{child.name:<{self._width}} | {line.decode('utf-8', 'replace')}\n")
        self._out.flush()

    def _reap(self) -> None:
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._forget(child)
                lived = time.monotonic() - child.started
                child.pause = _PAUSES[0] if lived >= _HEALTHY or not child.pause else min(_PAUSES[1], child.pause * 2)
                child.start_at = time.monotonic() + child.pause
                if not self._stopping:
                    log.warning("%s ended; it is started again in %.1f s", child.name, child.pause)

    def _forget(self, child: Child) -> None:
        assert child.process is not None
        stream = child.process.stdout
        if stream is not None and not stream.closed:
            self._copy(child)
            if not stream.closed:
                self._selector.unregister(stream)
                stream.close()
        child.process = None

    def _stop_all(self) -> None:
        deadline = time.monotonic() + PATIENCE
        for last in (False, True):
            group = [child for child in self._children if child.first is last and child.process is not None]
            for child in group:
                _signal(child, signal.SIGTERM)
            while any(child.process is not None for child in group) and time.monotonic() < deadline:
                self._pump(0.05)
                self._reap()
            for child in group:
                if child.process is not None:
                    log.error("%s did not stop in %d s and is killed", child.name, PATIENCE)
                    _signal(child, signal.SIGKILL)
                    child.process.wait()
                    self._forget(child)


def _signal(child: Child, number: signal.Signals) -> None:
    assert child.process is not None
    try:
        child.process.send_signal(number)
    except ProcessLookupError:
        log.debug("%s had ended already", child.name)
