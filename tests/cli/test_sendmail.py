"""`senddock-sendmail` as cron, PHP's mail() and scripts call it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.submission.running import RunningDoor

PROGRAM = Path(sys.executable).with_name("senddock-sendmail")


def _sendmail(*arguments: str, stdin: bytes, environ: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [PROGRAM, *arguments], input=stdin, capture_output=True, timeout=120, check=False, env={**os.environ, **environ}
    )


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"SENDDOCK_DATA_DIR": str(tmp_path / "data")}


def _last(run: Run) -> dict[str, object]:
    (newest, *_) = json.loads(run("messages", "list", "--json").stdout)
    found: dict[str, object] = json.loads(run("messages", "show", newest["id"], "--json").stdout)
    return found


def test_cron_hands_its_mail_over(run: Run, environ: dict[str, str]) -> None:
    mail = b"From: root (Cron Daemon)\nTo: ops@example.com\nSubject: Cron <root@host> backup\n\nout\n.\nmore\n"
    done = _sendmail("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "ops@example.com", stdin=mail, environ=environ)
    assert (done.returncode, done.stderr) == (0, b"")
    story = _last(run)
    assert story["subject"] == "Cron <root@host> backup"
    assert [row["recipient"] for row in story["deliveries"]] == ["ops@example.com"]  # type: ignore[attr-defined,index]


def test_recipients_come_from_the_header_and_bcc_goes(run: Run, environ: dict[str, str]) -> None:
    people = b"To: Ana <ana@example.org>\nCc: bo@example.org\nBcc: eve@example.org\n"
    mail = people + b"X-SendDock-Stream: marketing\nSubject: Hi\n\nx\n"
    assert _sendmail("-ti", "-f", "us@example.com", "-F", "Us", stdin=mail, environ=environ).returncode == 0
    story = _last(run)
    recipients = [row["recipient"] for row in story["deliveries"]]  # type: ignore[attr-defined,index]
    assert recipients == ["ana@example.org", "bo@example.org", "eve@example.org"]
    assert (story["stream"], story["from"]) == ("marketing", "Us <us@example.com>")


def test_php_mail_works(run: Run, environ: dict[str, str]) -> None:
    if shutil.which("php") is None:
        # .ci/left-out names it.
        return
    code = "exit(mail('ana@example.org', 'Hi', \"line one\\n.\\nline two\", 'From: us@example.com') ? 0 : 1);"
    done = subprocess.run(
        ["php", "-d", f"sendmail_path={PROGRAM} -t -i", "-r", code], capture_output=True, timeout=120, check=False,
        env={**os.environ, **environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert _last(run)["subject"] == "Hi"


def test_a_lone_dot_ends_the_message_without_i(open_door: Callable[..., RunningDoor]) -> None:
    door = open_door()
    through = {"SENDDOCK_SENDMAIL_KEY": door.token, "SENDDOCK_SMTP_BIND": f"127.0.0.1:{door.port}"}
    mail = b"From: us@example.com\nSubject: Hi\n\none\n.\ntwo\n"
    assert _sendmail("ana@example.org", stdin=mail, environ=through).returncode == 0
    assert _sendmail("-oi", "ana@example.org", stdin=mail, environ=through).returncode == 0
    first, second = (bytes(door.content(row.id).raw) for row in door.messages())
    assert first.endswith(b"\r\n\r\none\r\n")
    assert second.endswith(b"\r\n\r\none\r\n.\r\ntwo\r\n")


def test_international_addresses_pass_through_the_door(open_door: Callable[..., RunningDoor]) -> None:
    door = open_door()
    through = {"SENDDOCK_SENDMAIL_KEY": door.token, "SENDDOCK_SMTP_BIND": f"127.0.0.1:{door.port}"}
    people = ("jörg@example.org", "ana@bücher.example")
    done = _sendmail("-f", "us@example.com", *people, stdin=b"Subject: Hi\n\ny\n", environ=through)
    assert (done.returncode, done.stderr) == (0, b"")
    assert door.recipients(door.messages()[0].id) == ["jörg@example.org", "ana@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        ((), b"Subject: x\n\ny\n", 64, "no recipient"),
        (("-bs",), b"", 64, "not served"),
        (("root",), b"Subject: x\n\ny\n", 67, "MAILTO"),
        (("-t",), b"To: nobody\n\ny\n", 64, "no recipient"),
        (("a@example.org",), b"", 65, "empty"),
        (("a@example.org",), b"X-SendDock-Stream: nowhere\nSubject: x\n\ny\n", 65, "no stream"),
    ],
)
def test_refusals_have_the_codes_callers_expect(
    environ: dict[str, str], arguments: tuple[str, ...], stdin: bytes, code: int, words: str
) -> None:
    done = _sendmail(*arguments, stdin=stdin, environ=environ)
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done.stderr
    assert words in done.stderr.decode()


def test_a_door_that_is_shut_is_tried_again_later_and_a_wrong_key_is_a_mistake(
    open_door: Callable[..., RunningDoor],
) -> None:
    mail = b"Subject: x\n\ny\n"
    shut = {"SENDDOCK_SENDMAIL_KEY": "sd_x", "SENDDOCK_SMTP_BIND": "127.0.0.1:1"}
    assert _sendmail("a@example.org", stdin=mail, environ=shut).returncode == 75
    door = open_door()
    wrong = {"SENDDOCK_SENDMAIL_KEY": "sd_x", "SENDDOCK_SMTP_BIND": f"127.0.0.1:{door.port}"}
    done = _sendmail("a@example.org", stdin=mail, environ=wrong)
    assert (done.returncode, b"SENDDOCK_SENDMAIL_KEY" in done.stderr) == (78, True)
