"""Redis is dead or hangs while mail comes in: doors, workers and clock go on, those that run and those that start then."""

import os
import signal
import smtplib
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.house import Installation, installation, name_of, until
from tests.own_redis import OwnRedis, own_redis
from tests.smtp_server import Fault, ScriptedSMTP


@pytest.fixture
def server_of_redis() -> Iterator[OwnRedis]:
    with own_redis() as made:
        yield made


def test_mail_leaves_while_redis_is_away_and_after_it_is_back(
    server_of_redis: OwnRedis, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    server = smtp_server()
    environ = {"SENDDOCK_REDIS_URL": server_of_redis.url, "SENDDOCK_WORKERS": "1"}
    with installation(environ) as house:
        house.start()
        house.provider("good", server.port, 1)
        token = house.json("key", "create", "--name", "shop")["token"]

        def send(subject: str) -> None:
            code, answer = house.post("/api/emails", {"to": "a@example.org", "subject": subject, "text": "x"}, token)
            assert code == 200, answer

        send("before")
        server.wait_for(1)
        server_of_redis.kill()
        send("away")
        server.wait_for(2)
        # One that starts now has never seen Redis.
        before = _worker(house)
        os.kill(before, signal.SIGKILL)
        until(lambda: _worker(house) not in (0, before), 60, house.log.read_text)
        send("started without")
        server.wait_for(3)
        server_of_redis.start()
        until(lambda: "Redis answers again" in house.log.read_text(), 60, house.log.read_text)
        send("back")
        assert len(server.wait_for(4)) == 4
        told = len(house.log.read_text())
        server_of_redis.kill()
        until(lambda: "Redis cannot be reached" in house.log.read_text()[told:], 60, house.log.read_text)
        assert house.stop() == 0
        assert "is killed" not in house.log.read_text(), "a worker without Redis ends in order too"


def test_a_redis_that_hangs_holds_up_neither_doors_nor_workers_nor_the_clock(
    server_of_redis: OwnRedis, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    stuck, lets_go = threading.Event(), threading.Event()

    def hold_one(sender: str) -> Fault | None:
        if sender == "held@example.com" and not stuck.is_set():
            stuck.set()
            lets_go.wait()
        return None

    server = smtp_server({"mail": hold_one})
    with installation({"SENDDOCK_REDIS_URL": server_of_redis.url, "SENDDOCK_WORKERS": "1"}) as house:
        house.start()
        # With a limit, so that each message asks Redis before it leaves.
        house.provider("good", server.port, 1, per_minute="6000", max_connections="4")
        token = house.json("key", "create", "--name", "shop")["token"]

        def send(subject: str, sender: str = "us@example.com") -> None:
            body = {"from": sender, "to": "a@example.org", "subject": subject, "text": "x"}
            code, answer = house.post("/api/emails", body, token)
            assert code == 200, answer

        send("before")
        server.wait_for(1)
        server_of_redis.hang()
        send("by HTTP")
        server.wait_for(2)
        with smtplib.SMTP("127.0.0.1", house.smtp_port, timeout=60) as door:
            door.login("senddock", token)
            door.sendmail("us@example.com", ["a@example.org"], b"Subject: by SMTP\r\n\r\nx\r\n")
        server.wait_for(3)
        assert house.get("/login")[0] == 200
        # The clock takes back what a dead worker held; the worker after it has never seen Redis answer.
        send("held", "held@example.com")
        until(stuck.is_set, 60, house.log.read_text)
        before = _worker(house)
        os.kill(before, signal.SIGKILL)
        lets_go.set()
        until(lambda: _worker(house) not in (0, before), 60, house.log.read_text)
        assert server.wait_for(4)[-1].mail_from == "held@example.com"
        # The one that has just started, and one that was asking for a job when Redis hung, go on when it answers.
        server_of_redis.go_on()
        until(lambda: "Redis answers again" in house.log.read_text(), 60, house.log.read_text)
        send("back")
        assert len(server.wait_for(5)) == 5
        server_of_redis.hang()
        send("again")
        assert len(server.wait_for(6)) == 6
        assert house.stop() == 0
        assert "is killed" not in house.log.read_text(), "every process ends in order while Redis hangs"


def _worker(house: Installation) -> int:
    return next((pid for pid in house.children() if name_of(pid) == "sd-worker-1"), 0)
