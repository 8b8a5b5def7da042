"""`up` keeps its processes running, in order, and ends with them."""

import io
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from senddock.supervisor import AlreadyRunning, Child, Supervisor, hold_lock


def _python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


class _Lines(io.StringIO):
    """Output that reacts: sends a signal to this process when a line has been seen so many times."""

    def __init__(self, text: str, times: int) -> None:
        super().__init__()
        self._text, self._left = text, times

    def write(self, line: str) -> int:
        if self._text in line:
            self._left -= 1
            if self._left == 0:
                threading.Timer(0, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return super().write(line)


def test_a_process_that_dies_is_started_again() -> None:
    out = _Lines("born", 3)
    child = Child("phoenix", _python("print('born'); raise SystemExit(1)"))
    assert Supervisor([child], out).run() == 0
    assert out.getvalue().count("phoenix | born") >= 3


def test_the_first_is_stopped_last(tmp_path: Path) -> None:
    log = tmp_path / "order"
    code = (
        # Blocked and waited for: a handler and a pause can miss a signal that comes between the two.
        "import signal,sys\nsignal.pthread_sigmask(signal.SIG_BLOCK,[signal.SIGTERM])\nprint('up',flush=True)\n"
        f"signal.sigwait([signal.SIGTERM])\nopen({str(log)!r},'a').write(sys.argv[1]+' ')\n"
    )
    children = [Child("web", [*_python(code), "web"]), Child("redis", [*_python(code), "redis"], first=True)]
    assert Supervisor(children, _Lines("up", 2)).run() == 0
    assert log.read_text() == "web redis "


def test_lines_keep_their_process_name_even_when_they_come_in_pieces() -> None:
    code = "import sys,time\nsys.stdout.write('half');sys.stdout.flush()\nsys.stdout.write(' a line\\n')\ninput()"
    out = _Lines("half a line", 1)
    Supervisor([Child("w", _python(code.replace("input()", "import signal;signal.pause()")))], out).run()
    assert "w | half a line\n" in out.getvalue()


def test_a_second_up_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with hold_lock(tmp_path), pytest.raises(AlreadyRunning, match="stop it first"):
        hold_lock(tmp_path)
