"""A PostgreSQL server of the suite's own: in a temporary folder, on a unix socket, for as long as the session runs."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def binaries() -> Path | None:
    """The folder of the newest installed server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def server(bin_dir: Path, *, durable: bool = False) -> Iterator[str]:
    """The socket's folder, while the server runs. It refuses to run as root, so it runs as ``postgres`` then."""
    folder = Path(tempfile.mkdtemp(prefix="sdpg", dir="/tmp"))
    run_as = []
    if os.geteuid() == 0:
        person = pwd.getpwnam("postgres")
        os.chown(folder, person.pw_uid, person.pw_gid)
        run_as = ["setpriv", f"--reuid={person.pw_uid}", f"--regid={person.pw_gid}", "--clear-groups"]
    data = folder / "data"
    _run([*run_as, bin_dir / "initdb", "-D", data, "-U", "senddock", "-A", "trust", "-E", "UTF8"], folder)
    options = f"-k {folder} -c listen_addresses='' -c fsync={'on' if durable else 'off'} -c max_connections=200"
    control = [*run_as, bin_dir / "pg_ctl", "-D", data, "-w", "-t", "300"]
    _run([*control, "-o", options, "-l", folder / "log", "start"], folder)
    try:
        yield str(folder)
    finally:
        _run([*control, "-m", "immediate", "stop"], folder)
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str | Path], folder: Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
