"""`senddock completion`: the shells load it, and bash completes with it."""

import os
import shutil
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("prov", {"provider"}), ("provider re", {"remove", "resume"}), ("send --at", {"--at", "--attach"})],
)
def test_bash_completes_commands_and_options(tmp_path: Path, words: str, wanted: set[str]) -> None:
    bin_folder = Path(sys.executable).parent
    script = (
        f'eval "$(senddock completion bash)"; COMP_WORDS=(senddock {words}); COMP_CWORD={len(words.split())}; '
        "_senddock_completion senddock; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    environ = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "SENDDOCK_DATA_DIR": str(tmp_path)}
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (set(done.stdout.split()), done.stderr) == (wanted, "")
