"""A whole installation in a temporary folder: `senddock up` with real processes, as an operator has it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.ports import reserved_port

Answer = tuple[int, Any]


class Installation:
    """One data folder; `start` and `kill` as often as a test needs."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port, self.smtp_port = reserved_port(), reserved_port()
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SENDDOCK_")},
            "SENDDOCK_DATA_DIR": str(self.data),
            "SENDDOCK_WEB_BIND": f"127.0.0.1:{self.port}",
            "SENDDOCK_SMTP_BIND": f"127.0.0.1:{self.smtp_port}",
            **(environ or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "up.log"

    def start(self) -> None:
        """Run `senddock up` and wait until the panel says that it is ready."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "senddock", "up"], env=self.environ, stdout=out, stderr=out, cwd=self.folder
            )
        until(self._ready, 60, self.log.read_text)

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            return self.get("/readyz")[0] == 200 and self.status()["workers"] >= 1
        return False

    def children(self) -> list[int]:
        """Ids of all processes below `up`, the deepest first."""
        assert self.process is not None
        return _below(self.process.pid)

    def kill_everything(self) -> None:
        """kill -9 of every process, the supervisor first, as a power switch would."""
        assert self.process is not None
        victims = [self.process.pid, *self.children()]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        until(lambda: not any(_alive(pid) for pid in victims), 60, lambda: "a killed process is still there")

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(60)
        self.process = None
        return code

    def run(self, *arguments: str, stdin: str | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """One command beside the running house."""
        return subprocess.run(
            [sys.executable, "-m", "senddock", *arguments],
            env={**self.environ, **environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.folder,
        )

    def json(self, *arguments: str, stdin: str | None = None) -> Any:
        """One command that must succeed, with its JSON."""
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def status(self) -> Any:
        """`senddock status --json`."""
        return self.json("status")

    def provider(self, name: str, port: int, priority: int, **options: str) -> Any:
        """Add a provider on loopback through the command line."""
        stdin = options.pop("password", None)
        extra = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", value)]
        if stdin is not None:
            extra.append("--password-stdin")
            stdin += "\n"
        given = ["--host", "127.0.0.1", "--port", str(port), "--encryption", "none", "--from-email", "us@example.com"]
        return self.json("provider", "add", "--name", name, "--priority", str(priority), *given, *extra, stdin=stdin)

    def get(self, path: str, token: str | None = None) -> Answer:
        """GET with an optional key."""
        return self._call("GET", path, None, token)

    def post(self, path: str, body: Any, token: str | None = None, **headers: str) -> Answer:
        """POST JSON."""
        return self._call("POST", path, json.dumps(body).encode(), token, **headers)

    def _call(self, method: str, path: str, body: bytes | None, token: str | None, **headers: str) -> Answer:
        given = {"Content-Type": "application/json", **{key.replace("_", "-"): value for key, value in headers.items()}}
        if token:
            given["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _read(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _read(error)


def _read(answer: Any) -> Any:
    data = answer.read()
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def until(found: Any, seconds: float, why: Any) -> None:
    """Ask again and again; fails the test with ``why()`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, why()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Waiting on a process that does not end is a pause that a signal can interrupt.
            _pause()


def _pause() -> None:
    import select

    select.select([], [], [], 0.05)


def _below(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [*_below(int(child)), int(child)]
    return found


def name_of(pid: int) -> str:
    """What a process of the house calls itself (``sd-worker-1``); empty when it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() if _alive(pid) else ""
    return ""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@contextlib.contextmanager
def installation(environ: Mapping[str, str] | None = None) -> Iterator[Installation]:
    """A folder of its own, short enough for a unix socket; everything is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="sde", dir="/tmp") as folder:
        made = Installation(Path(folder), environ)
        try:
            yield made
        finally:
            made.stop()
