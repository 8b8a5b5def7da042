"""`senddock completion`: the shells load it, and bash completes with it."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run

_SHELLS = ["bash", *(shell for shell in ("zsh", "fish") if shutil.which(shell))]


@pytest.mark.parametrize("shell", _SHELLS)
def test_the_script_is_loadable(run: Run, tmp_path: Path, shell: str) -> None:
    done = run("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    script = tmp_path / "script"
    script.write_text(done.stdout)
    checked = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_senddock_in_the_words_of_the_shell(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout
    assert f"_SENDDOCK_COMPLETE={shell}_complete" in script


_COMPLETED = [("prov", {"provider"}), ("provider re", {"remove", "resume"}), ("send --at", {"--at", "--attach"})]
_TYPED = [("senddock prov", "senddock provider "), ("senddock provider rem", "senddock provider remove ")]


def _environ(tmp_path: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "SENDDOCK_DATA_DIR": str(tmp_path), "HOME": str(tmp_path), "TERM": "dumb"}


@pytest.mark.parametrize(("words", "wanted"), _COMPLETED)
def test_bash_completes_commands_and_options(tmp_path: Path, words: str, wanted: set[str]) -> None:
    script = (
        f'eval "$(senddock completion bash)"; COMP_WORDS=(senddock {words}); COMP_CWORD={len(words.split())}; '
        "_senddock_completion senddock; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "-c", script], env=_environ(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert (set(done.stdout.split()), done.stderr) == (wanted, "")


@pytest.mark.parametrize(("words", "wanted"), _COMPLETED if "fish" in _SHELLS else [])
def test_fish_completes_commands_and_options(tmp_path: Path, words: str, wanted: set[str]) -> None:
    script = f'senddock completion fish | source; complete -C "senddock {words}"'
    done = subprocess.run(
        ["fish", "-c", script], env=_environ(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert ({line.split("\t")[0] for line in done.stdout.splitlines()}, done.stderr) == (wanted, "")


@pytest.mark.parametrize(("typed", "shown"), _TYPED if "zsh" in _SHELLS else [])
def test_zsh_completes_what_is_typed(tmp_path: Path, typed: str, shown: str) -> None:
    """In a terminal, with the key: zsh's completion runs nowhere else."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=end, stdout=end, stderr=end, env=_environ(tmp_path), start_new_session=True
    ) as shell:
        os.close(end)
        os.write(
            terminal,
            b"autoload -U compinit; compinit -u -D; eval \"$(senddock completion zsh)\"; PS1=; print read''y\n",
        )
        _until(terminal, "ready")
        os.write(terminal, typed.encode() + b"\t")
        _until(terminal, shown)
        shell.kill()
    os.close(terminal)


def _until(terminal: int, wanted: str) -> None:
    """Read what the terminal shows until it shows ``wanted``."""
    seen = ""
    deadline = time.monotonic() + 60
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{wanted!r} is not in {seen!r}"
        seen += os.read(terminal, 4096).decode(errors="replace")
