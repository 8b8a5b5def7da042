"""The bundled Redis: found, started on a socket, replaced after a kill."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from senddock import redis_server


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sdx", dir="/tmp") as made:
        yield Path(made)


def test_it_answers_on_a_unix_socket_and_on_no_port(folder: Path) -> None:
    process, binary = redis_server.start(folder)
    with Redis.from_url(redis_server.url_of(folder)) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("appendonly") == {"appendonly": "no"}
    process.terminate()
    process.wait(60)
    assert binary.path.is_file()


def test_a_server_left_by_a_killed_predecessor_is_replaced(folder: Path) -> None:
    orphan, _ = redis_server.start(folder)
    with Redis.from_url(redis_server.url_of(folder)) as client:
        client.set("old", "1")
    process, _ = redis_server.start(folder)
    orphan.wait(60)
    with Redis.from_url(redis_server.url_of(folder)) as client:
        assert client.get("old") is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    again, _ = redis_server.start(folder)
    again.terminate()
    again.wait(60)


def test_a_wheel_serves_when_nothing_is_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "from the package" in redis_server.find_binary().origin


def test_without_any_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(redis_server, "_WHEELS", ())
    with pytest.raises(redis_server.NoRedisServer, match="SENDDOCK_REDIS_URL"):
        redis_server.find_binary()


def test_a_path_too_long_for_a_socket_is_refused_with_advice() -> None:
    with pytest.raises(redis_server.NoRedisServer, match="SENDDOCK_DATA_DIR"):
        redis_server.socket_path(Path("/" + "x" * 120))
