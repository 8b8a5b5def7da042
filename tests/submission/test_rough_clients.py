"""Clients that hang up, half-close, dawdle or do not read, and a store that fails: nothing is lost, nobody else suffers."""

import contextlib
import json
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from senddock.dispatch.outbox import Outbox
from senddock.dispatch.submission import Receipt
from senddock.models import Database, StorageUnavailable
from tests.e2e.house import Installation, installation, until
from tests.submission.running import RunningDoor, Wire

MESSAGE = b"From: us@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"


class SlowOutbox(Outbox):
    """Commits when it is told to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, lambda: None)
        self.asked = threading.Event()
        self.go = threading.Event()

    def submit_soon(self, submissions: Sequence[Any], answer: Callable[..., None], **options: Any) -> None:
        self.asked.set()

        def later() -> None:
            assert self.go.wait(60)
            Outbox.submit_soon(self, submissions, answer, **options)

        threading.Thread(target=later, daemon=True).start()


class BrokenOutbox(Outbox):
    """Answers with what it is given."""

    def __init__(self, database: Database, error: Exception) -> None:
        super().__init__(database, lambda: None)
        self.error: Exception | None = error

    def submit_soon(
        self, submissions: Sequence[Any], answer: Callable[[Receipt | Exception], None], **options: Any
    ) -> None:
        if self.error is None:
            super().submit_soon(submissions, answer, **options)
        else:
            answer(self.error)


@pytest.fixture
def slow(sqlite: Database, open_door: Callable[..., RunningDoor]) -> tuple[RunningDoor, SlowOutbox]:
    outbox = SlowOutbox(sqlite)
    return open_door(outbox=outbox), outbox


def test_a_half_closed_client_gets_its_answer(slow: tuple[RunningDoor, SlowOutbox]) -> None:
    door, outbox = slow
    wire = door.raw().sign_in(door.token).envelope()
    wire.send(MESSAGE + b".\r\nQUIT")
    wire.sock.shutdown(socket.SHUT_WR)
    assert outbox.asked.wait(60)
    outbox.go.set()
    assert wire.reply().startswith("250 2.0.0 Ok: queued as ")
    assert wire.reply().startswith("221")
    assert wire.over()
    assert len(door.messages()) == 1


def test_a_client_that_hangs_up_during_the_commit_changes_nothing(slow: tuple[RunningDoor, SlowOutbox]) -> None:
    door, outbox = slow
    wire = door.raw().sign_in(door.token).envelope()
    wire.send(MESSAGE + b".")
    assert outbox.asked.wait(60)
    wire.close()
    outbox.go.set()
    until(lambda: len(door.messages()) == 1, 60, lambda: "the commit went on")


def test_a_message_that_was_cut_off_is_not_stored(door: RunningDoor) -> None:
    wire = door.raw().sign_in(door.token).envelope()
    wire.sock.sendall(MESSAGE)
    wire.sock.shutdown(socket.SHUT_WR)
    assert wire.over()
    assert door.messages() == []


def test_stopping_finishes_the_message_under_way_and_sends_the_others_away(
    slow: tuple[RunningDoor, SlowOutbox],
) -> None:
    door, outbox = slow
    idle = door.raw()
    in_body = door.raw().sign_in(door.token).envelope()
    in_body.sock.sendall(MESSAGE)
    door.begin_stop()
    assert idle.reply().startswith("421 4.3.2")
    in_body.send(b".")
    assert outbox.asked.wait(60)
    outbox.go.set()
    assert in_body.reply().startswith("250 2.0.0 Ok: queued as ")
    assert in_body.reply().startswith("421 4.3.2")
    assert len(door.messages()) == 1


@pytest.mark.parametrize("error", [StorageUnavailable("disk full"), RuntimeError("a defect with /secret/path")])
def test_our_own_trouble_is_temporary_and_tells_nothing(
    sqlite: Database, open_door: Callable[..., RunningDoor], error: Exception
) -> None:
    outbox = BrokenOutbox(sqlite, error)
    running = open_door(outbox=outbox)
    wire = running.raw().sign_in(running.token).envelope()
    assert wire.ask(MESSAGE + b".") == "451 4.3.0 Not stored: the fault is on this side, try again later"
    outbox.error = None
    wire.envelope()
    assert wire.ask(MESSAGE + b".").startswith("250"), "the same session goes on"


def test_a_lost_database_is_a_temporary_answer_to_a_key(door: RunningDoor, tmp_path: Path) -> None:
    wire = door.raw()
    wire.ask("EHLO x")
    door.database.close()
    shutil.move(tmp_path / "only.db", tmp_path / "gone.db")
    assert wire.ask("AUTH PLAIN AHgAc2Rfbm90LWtub3du").startswith("454 4.7.0")


def test_slow_clients_do_not_slow_the_others(door: RunningDoor) -> None:
    slow = [door.raw().sign_in(door.token).envelope() for _ in range(20)]
    for byte in MESSAGE[:40]:
        for wire in slow:
            wire.sock.sendall(bytes([byte]))
    door.send(MESSAGE)
    assert len(door.messages()) == 1
    for wire in slow:
        assert wire.ask(MESSAGE[40:] + b".").startswith("250")
    assert len(door.messages()) == 21


def test_a_client_that_never_reads_its_answers_is_not_served_on(door: RunningDoor) -> None:
    wire = door.raw()
    wire.sock.settimeout(1)
    with contextlib.suppress(TimeoutError):
        for _ in range(400):
            wire.sock.sendall(b"EHLO x\r\n" * 2000)
    door.send(MESSAGE)
    assert len(door.messages()) == 1


@pytest.fixture(scope="module")
def house() -> Iterator[Installation]:
    with installation() as made:
        made.start()
        yield made


def test_10_000_open_connections_leave_the_door_open(house: Installation) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = min(10_000, hard - 500)
    until(lambda: "SMTP door on" in house.log.read_text(), 60, house.log.read_text)
    token = house.json("key", "create", "--name", "shop")["token"]
    idle: list[socket.socket] = []
    try:
        idle.extend(socket.create_connection(("127.0.0.1", house.smtp_port), timeout=60) for _ in range(many))
        assert all(sock.recv(100).startswith(b"220") for sock in idle)
        wire = Wire(socket.create_connection(("127.0.0.1", house.smtp_port), timeout=60)).sign_in(token).envelope()
        assert wire.ask(MESSAGE + b".").startswith("250 2.0.0 Ok: queued as ")
        wire.close()
        idle[0].sendall(b"NOOP\r\n")
        assert idle[0].recv(100).startswith(b"250")
    finally:
        for sock in idle:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_process_says_what_it_needs_and_ends_in_order(house: Installation) -> None:
    until(lambda: "SMTP door on" in house.log.read_text(), 60, house.log.read_text)
    token = house.json("key", "create", "--name", "shop")["token"]
    wire = Wire(socket.create_connection(("127.0.0.1", house.smtp_port), timeout=60)).sign_in(token).envelope()
    assert wire.ask(MESSAGE + b".").startswith("250 2.0.0 Ok: queued as ")
    idle_reader = threading.Thread(target=wire.over, daemon=True)
    idle_reader.start()
    taken = house.run("submission", SENDDOCK_SMTP_BIND=f"127.0.0.1:{house.smtp_port}")
    assert (taken.returncode, "Traceback" in taken.stderr) == (1, False)
    assert "SENDDOCK_SMTP_BIND" in taken.stderr
    _doctor_is_content(house)
    assert house.stop() == 0
    idle_reader.join(10)
    wire.close()
    assert signal.SIGKILL.name not in house.log.read_text()


def _doctor_is_content(house: Installation) -> None:
    found = json.loads(house.run("doctor", "--json").stdout)
    states = {item["check"]: item["state"] for item in found}
    assert (states["workers"], states["redis"], states["master key"]) == ("ok", "ok", "ok")
    assert [item["found"].rpartition(": ")[2] for item in found if item["check"] == "ports"] == ["answers", "answers"]
