"""Redis is stopped while mail comes in: workers that run and workers that start without it send all the same."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from senddock import redis_server
from tests.e2e.house import Installation, installation, until
from tests.smtp_server import ScriptedSMTP


class OwnRedis:
    """A server that is not the supervisor's to start again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process, _ = redis_server.start(self.folder)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    with tempfile.TemporaryDirectory(prefix="sdr", dir="/tmp") as folder:
        made = OwnRedis(Path(folder))
        made.start()
        yield made
        made.kill()


def test_mail_leaves_while_redis_is_away_and_after_it_is_back(
    own_redis: OwnRedis, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    server = smtp_server()
    environ = {"SENDDOCK_REDIS_URL": redis_server.url_of(own_redis.folder), "SENDDOCK_WORKERS": "1"}
    with installation(environ) as house:
        house.start()
        house.provider("good", server.port, 1)
        token = house.json("key", "create", "--name", "shop")["token"]

        def send(subject: str) -> None:
            code, answer = house.post("/api/emails", {"to": "a@example.org", "subject": subject, "text": "x"}, token)
            assert code == 200, answer

        send("before")
        server.wait_for(1)
        own_redis.kill()
        send("away")
        server.wait_for(2)
        # One that starts now has never seen Redis.
        before = _worker(house)
        os.kill(before, signal.SIGKILL)
        until(lambda: _worker(house) not in (0, before), 60, house.log.read_text)
        send("started without")
        server.wait_for(3)
        own_redis.start()
        until(lambda: "Redis answers again" in house.log.read_text(), 60, house.log.read_text)
        send("back")
        assert len(server.wait_for(4)) == 4
        told = len(house.log.read_text())
        own_redis.kill()
        until(lambda: "Redis cannot be reached" in house.log.read_text()[told:], 60, house.log.read_text)
        assert house.stop() == 0
        assert "is killed" not in house.log.read_text(), "a worker without Redis ends in order too"


def _worker(house: Installation) -> int:
    for pid in house.children():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == "sd-worker-1":
                return pid
    return 0
