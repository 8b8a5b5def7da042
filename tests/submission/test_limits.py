"""What the door lets one client use up: guesses, room, time and threads; and what it keeps to itself."""

import base64
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from senddock.submission import admission
from senddock.submission import door as door_module
from senddock.submission.admission import Limits
from senddock.submission.door import Door
from senddock.submission.intake import Intake
from tests.e2e.house import until
from tests.submission.running import RunningDoor, Wire
from tests.submission.test_rough_clients import SlowOutbox

MESSAGE = b"From: us@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"


def _plain(token: str) -> str:
    return "AUTH PLAIN " + base64.b64encode(f"\0x\0{token}".encode()).decode()


def test_an_address_that_guesses_is_shut_out_with_every_key(door: RunningDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "is_loopback", lambda _: False)
    monkeypatch.setattr(admission, "MOST_FAILURES", 2)
    for _ in range(2):
        wire = door.raw()
        wire.ask("EHLO x")
        assert wire.ask(_plain("sd_wrong")).startswith("535")
    wire = door.raw()
    wire.ask("EHLO x")
    assert wire.ask(_plain(door.token)).startswith("421 4.7.0 Too many wrong keys from this address")
    assert wire.over()


def test_when_too_much_is_under_way_a_message_is_put_off_and_the_session_goes_on(
    sqlite: Any, open_door: Callable[..., RunningDoor]
) -> None:
    outbox = SlowOutbox(sqlite)
    door = open_door(outbox=outbox, limits=Limits(in_flight=10_000))
    first, second = (door.raw().sign_in(door.token) for _ in range(2))
    first.envelope().send(MESSAGE + b"x" * 20_000 + b"\r\n.")
    assert outbox.asked.wait(60)
    second.ask("MAIL FROM:<us@example.com>")
    second.ask("RCPT TO:<ana@example.org>")
    assert second.ask("DATA").startswith("452 4.3.1")
    outbox.go.set()
    assert first.reply().startswith("250 2.0.0 Ok: queued as ")
    assert second.envelope().ask(MESSAGE + b".").startswith("250 2.0.0 Ok: queued as ")


def test_a_silent_session_ends_and_a_slow_upload_does_not(door: RunningDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(door_module, "_SWEEP", 0.01)
    monkeypatch.setattr(Door, "now", lambda _: clock[0])
    open_sessions = door._door._connections
    upload = door.raw().sign_in(door.token).envelope()
    silent = door.raw()

    def sends(wire: Wire, line: bytes) -> None:
        wire.sock.sendall(line)
        until(lambda: any(one.deadline == clock[0] + 180 for one in list(open_sessions)), 60, lambda: "was read")

    for line in (b"From: us@example.com\r\n\r\n", b"one\r\n", b"two\r\n", b"three\r\n"):
        clock[0] += 170
        sends(upload, line)
    assert silent.reply() == "421 4.4.2 Nothing came for too long"
    assert upload.ask(b".").startswith("250 2.0.0 Ok: queued as ")
    cut = door.raw().sign_in(door.token).envelope()
    clock[0] += 1
    sends(cut, b"From: us@example.com\r\n")
    clock[0] += 181
    assert cut.reply() == "421 4.4.2 Nothing came for too long"


def test_a_key_that_takes_long_to_look_up_holds_up_nobody_else(
    door: RunningDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go, real = threading.Event(), threading.Event(), Intake.sign_in

    def slow(self: Intake, token: str, address: str) -> Any:
        if token == "slow":
            entered.set()
            assert go.wait(60)
        return real(self, token, address)

    monkeypatch.setattr(Intake, "sign_in", slow)
    waiting = door.raw()
    waiting.ask("EHLO x")
    waiting.send(_plain("slow"))
    assert entered.wait(60)
    door.send(MESSAGE)
    assert len(door.messages()) == 1
    go.set()
    assert waiting.reply().startswith("535")


def test_nobody_s_address_and_no_key_is_logged(door: RunningDoor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        door.send(MESSAGE, ["secret.person@example.org"])
        wire = door.raw()
        wire.ask("EHLO x")
        wire.ask(_plain("sd_wrong"))
    assert len(door.messages()) == 1
    for hidden in ("secret.person", door.token, "sd_wrong"):
        assert hidden not in caplog.text


@pytest.mark.parametrize("command", ["RCPT TO:<ü", "MAIL FROM:<us@example.com> Ü=1", "AUTH ÜBER", "FRÖB"])
def test_every_answer_is_ascii_and_one_line(door: RunningDoor, command: str) -> None:
    wire = door.raw().sign_in(door.token)
    wire.ask("MAIL FROM:<us@example.com>")
    assert wire.ask(command).isascii()
    refused = wire.ask("RSET") and wire.envelope().ask(b"X-SendDock-Stream: \xc3\xbc\r\n" + MESSAGE + b".")
    assert refused.startswith("554 5.6.0")
    assert refused.isascii()
