"""`senddock web` as it is run in production: gunicorn with its real settings, in a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.e2e.house import until
from tests.ports import reserved_port


@contextlib.contextmanager
def served(folder: Path, database_url: str, redis_url: str, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a running panel and API."""
    bind = f"127.0.0.1:{reserved_port()}"
    given = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SENDDOCK_")},
        "SENDDOCK_DATA_DIR": str(folder),
        "SENDDOCK_DATABASE_URL": database_url,
        "SENDDOCK_REDIS_URL": redis_url,
        "SENDDOCK_WEB_BIND": bind,
        **(environ or {}),
    }
    log = folder / "web.log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "senddock", "web"], env=given, stdout=out, stderr=out)
    try:
        until(lambda: _ready(bind), 60, log.read_text)
        yield f"http://{bind}"
    finally:
        process.terminate()
        process.wait(60)


def _ready(bind: str) -> bool:
    with (
        contextlib.suppress(OSError, urllib.error.URLError),
        urllib.request.urlopen(f"http://{bind}/readyz", timeout=5),
    ):
        return True
    return False


def raw_calls(address: str, requests: bytes, answers: int) -> list[bytes]:
    """Send octets over one connection and take that many answers' first lines."""
    host, _, port = address.removeprefix("http://").partition(":")
    found: list[bytes] = []
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        writer = threading.Thread(target=connection.sendall, args=(requests,), daemon=True)
        writer.start()
        stream = connection.makefile("rb")
        while len(found) < answers:
            status = stream.readline()
            if not status:
                break
            length = 0
            while (line := stream.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            stream.read(length)
            found.append(status.strip())
    return found
