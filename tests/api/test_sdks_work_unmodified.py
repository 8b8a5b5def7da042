"""The clients people have, unmodified, against `senddock web` as it runs in production (gunicorn, its real settings)."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from senddock.dispatch import keys
from senddock.models import Database
from tests.api.live import raw_calls, served

CLIENTS = Path(__file__).parent.parent / "clients"
OLD = CLIENTS / "python" / "resend-2.4.0"


@pytest.fixture(scope="module")
def live(
    sqlite_template: Path, redis_socket: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Address and key."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "senddock.db").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{folder}/senddock.db"
    database = Database(url)
    token = keys.create(database, "sdk", per_second=100_000)[1]
    database.close()
    with served(folder, url, redis_socket) as address:
        yield address, token


def spoken(command: list[str], live: tuple[str, str], **environ: str) -> Any:
    """Run a client's script; its last line is what it found."""
    address, token = live
    given = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SENDDOCK_")},
        "RESEND_API_URL": f"{address}/api",
        "RESEND_BASE_URL": f"{address}/api",
        "RESEND_API_KEY": token,
        **environ,
    }
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("version", ["current", "2.4.0"])
def test_resend_for_python(live: tuple[str, str], version: str) -> None:
    path = {"PYTHONPATH": str(OLD)} if version == "2.4.0" else {}
    found = spoken([sys.executable, str(CLIENTS / "python" / "resend_story.py")], live, **path)
    if version == "2.4.0":
        assert found.pop("version").startswith("2.4.0")
    else:
        assert found.pop("version") > "2.4.0"
    assert found == {
        "attachment": "sent",
        "batch": 2,
        "moved": True,
        "canceled": "canceled",
        "refused": "ValidationError",
        "wrong_key": "InvalidApiKeyError",
        "text": "It works.",
        "tags": [{"name": "kind", "value": "welcome"}],
    }


@pytest.mark.parametrize("package", ["resend", "resend-4"])
def test_resend_for_node(live: tuple[str, str], package: str) -> None:
    found = spoken(["node", str(CLIENTS / "node" / "resend_story.mjs"), package], live)
    assert found == {
        "attachment": True,
        "batch": 2,
        "moved": True,
        "canceled": "canceled",
        "refused": ["validation_error", 422],
        "wrong_key": "invalid_api_key",
        "html": "<p>It works.</p>",
        "replayed": True,
        "calls_after_refusals": 100,
    }


def test_anymail_for_django(live: tuple[str, str]) -> None:
    found = spoken([sys.executable, str(CLIENTS / "python" / "anymail_story.py")], live)
    assert found == {
        "sent": 1,
        "status": "queued",
        "batch": 2,
        "attachment": "text/csv",
        "refused": "AnymailRequestsAPIError",
    }


@pytest.mark.parametrize("size", [20_000, 400_000])
def test_an_unread_body_does_not_spoil_the_next_call_on_the_connection(live: tuple[str, str], size: int) -> None:
    address, token = live
    body = b'{"x":"' + b"y" * size + b'"}'
    head = b"Host: localhost\r\nContent-Type: application/json\r\n"
    refused = b"POST /api/emails HTTP/1.1\r\n" + head + b"Authorization: Bearer nothing\r\n"
    refused += b"Content-Length: %d\r\n\r\n" % len(body) + body
    good = b"GET /api/emails?limit=1 HTTP/1.1\r\n" + head + f"Authorization: Bearer {token}\r\n\r\n".encode()
    answers = raw_calls(address, (refused + good) * 20, 40)
    assert [line.split()[1] for line in answers] == [b"403", b"200"] * 20


def test_a_body_that_is_far_too_large_is_refused_and_the_next_call_is_served(live: tuple[str, str]) -> None:
    address, token = live
    large = b"POST /api/emails HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    large += f"Authorization: Bearer {token}\r\nContent-Length: 400000000\r\n\r\n".encode() + b" " * 100_000
    (line,) = raw_calls(address, large, 1)
    assert line.split()[1] == b"413"
    good = f"GET /api/emails?limit=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    assert raw_calls(address, good, 1)[0].split()[1] == b"200"


@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\nabc", b"-1\r\nx\r\n0\r\n\r\n"])
def test_chunks_that_are_none_are_the_mistake_of_the_caller(live: tuple[str, str], body: bytes) -> None:
    address, token = live
    broken = b"POST /api/emails HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    broken += f"Authorization: Bearer {token}\r\n\r\n".encode() + body
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(broken)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").readline().split()[1] == b"400"
