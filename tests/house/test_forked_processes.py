"""`up` forks its processes from one that has loaded everything and holds nothing that two could hold."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.house import Installation, installation, until


def _script(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_thread_a_socket_and_an_open_database_each_forbid_forking(tmp_path: Path) -> None:
    code = f"""
import socket, sqlite3, threading
from senddock.forking import hindrances
print(hindrances())
with socket.socket():
    print([text.partition(":")[0] for text in hindrances()])
connection = sqlite3.connect({str(tmp_path / "some.db")!r})
connection.execute("CREATE TABLE t (a)")
print([text.rpartition("/")[2] for text in hindrances()])
connection.close()
end = threading.Event()
threading.Thread(target=end.wait).start()
print(hindrances())
end.set()
"""
    assert _script(code).splitlines() == ["[]", "['socket']", "['some.db']", "['2 threads']"]


def test_what_hinders_forking_makes_a_process_run_by_its_command() -> None:
    code = """
import os, signal, socket, sys
from senddock.supervisor import Child, Supervisor
class Out:
    def write(self, line): sys.stdout.write(line); os.kill(os.getpid(), signal.SIGTERM)
    def flush(self): pass
with socket.socket():
    Supervisor([Child("c", [sys.executable, "-c", "print('executed')"], call=lambda: print("forked"))], Out()).run()
"""
    assert "c | executed" in _script(code)


def test_a_fork_that_fails_says_why_and_is_made_again() -> None:
    code = """
import os, signal, sys
from senddock.supervisor import Child, Supervisor
seen = []
class Out:
    def write(self, line):
        sys.stdout.write(line)
        seen.append("no luck" in line)
        if sum(seen) > 1: os.kill(os.getpid(), signal.SIGTERM)
    def flush(self): pass
def fail(): raise RuntimeError("no luck")
sys.exit(Supervisor([Child("c", ["false"], call=fail)], Out()).run())
"""
    lines = [line for line in _script(code).splitlines() if "no luck" in line]
    assert lines == ["c | RuntimeError: no luck"] * 2


def test_up_forks_restarts_what_was_killed_and_takes_its_processes_along() -> None:
    with installation({"SENDDOCK_WORKERS": "1"}) as house:
        house.start()
        assert house.process is not None
        _holds_nothing(house.process.pid)
        names = {pid: _comm(pid) for pid in house.children()}
        assert set(names.values()) >= {"sd-web", "sd-worker-1", "sd-clock", "sd-submission"}
        victims = {pid for pid, name in names.items() if name in ("sd-worker-1", "sd-clock")}
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        until(
            lambda: _named(house, "sd-worker-1") - victims and _named(house, "sd-clock") - victims,
            60,
            house.log.read_text,
        )
        _holds_nothing(house.process.pid)
        until(lambda: "\nsubmission | " in house.log.read_text(), 60, house.log.read_text)
        assert house.stop() == 0

        house.start()
        assert house.process is not None
        children = house.children()
        os.kill(house.process.pid, signal.SIGKILL)
        house.process.wait()
        house.process = None
        until(lambda: not any(_comm(pid).startswith("sd-") for pid in children), 60, house.log.read_text)


def _holds_nothing(pid: int) -> None:
    """It has forked, so nothing hindered it; and it opened nothing afterwards that would at the next time."""
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    held = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [target for target in held if target.startswith("socket:") or ".db" in target]


def _comm(pid: int) -> str:
    """The name of a process that lives; of one that waits to be collected the command line is gone."""
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/cmdline").read_bytes():
            return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    return ""


def _named(house: Installation, name: str) -> set[int]:
    return {pid for pid in house.children() if _comm(pid) == name}
