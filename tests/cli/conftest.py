"""The command line on a fresh data folder."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from senddock.cli import main
from tests.ports import reserved_port

Run = Callable[..., "subprocess.CompletedProcess[str]"]
#: Commands that stay, or that replace the process's signal handlers.
_PROCESSES = {"up", "web", "worker", "clock", "submission"}


@pytest.fixture
def run(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`senddock …` on a fresh data folder: in this process, but for the commands that stay."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copy(sqlite_template, data / "senddock.db")
    # Somebody may run a SendDock of their own on this machine.
    binds = {f"SENDDOCK_{door}_BIND": f"127.0.0.1:{reserved_port()}" for door in ("WEB", "SMTP")}

    def senddock(*arguments: str, stdin: str | None = None, **environ: str) -> "subprocess.CompletedProcess[str]":
        given = {"SENDDOCK_DATA_DIR": str(data), **binds, **environ}
        if arguments[0] in _PROCESSES:
            return subprocess.run(
                [sys.executable, "-m", "senddock", *arguments], env={**os.environ, **given}, input=stdin,
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
        out, err, code = io.StringIO(), io.StringIO(), 0
        with monkeypatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            for name, value in given.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["senddock", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((stdin or "").encode())))
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
            except Exception:
                traceback.print_exc()
                code = 1
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return senddock
