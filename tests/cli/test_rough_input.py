"""What a shell can hand over by mistake: each is refused in one line, and nothing ends in a traceback."""

import email
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from senddock.models import Content, Database, Message
from tests.cli.conftest import Run

SEND = ("send", "--to", "ana@example.org", "--from", "Us <us@example.com>", "--subject", "Report")
WHOLE = "From: Us <us@example.com>\nTo: ana@example.org\nSubject: Report\n\nHello\n"
ADD = ("provider", "add", "--name", "A", "--host", "127.0.0.1", "--port", "2525", "--encryption", "none",
       "--from-email", "us@example.com")  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, run: Run) -> dict[str, str]:
    """The environment of a real process on the same data folder as ``run``."""
    return {**os.environ, "SENDDOCK_DATA_DIR": str(tmp_path / "data")}


def stored(tmp_path: Path) -> int:
    database = Database(f"sqlite:///{tmp_path}/data/senddock.db")
    try:
        with database.read() as session:
            return session.scalar(select(func.count()).select_from(Message)) or 0
    finally:
        database.close()


def real(environ: dict[str, str], script: str) -> "subprocess.CompletedProcess[bytes]":
    """A shell's own way to call it; ``$SD`` is the command."""
    given = {
        **environ,
        "SD": f"{sys.executable} -m senddock",
        "SM": str(Path(sys.executable).with_name("senddock-sendmail")),
    }
    return subprocess.run(["bash", "-c", script], env=given, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("$SD send --to a@example.org --subject s --text $'\\xff'", 2, "not UTF-8"),
        ("$SD send --to $'a\\xff@example.org' --subject s --text t", 2, "not UTF-8"),
        ("$SD messages list --recipient $'\\xff'", 2, "not UTF-8"),
        ("printf '\\xff' | $SD send --to a@example.org --subject s", 1, "not UTF-8"),
        ("printf '\\xff\\n' | $SD provider set 1 --password-stdin", 1, "not UTF-8"),
        ("$SD send --to a@example.org --subject s <&-", 1, "closed"),
        ("$SD send --eml - <&-", 1, "closed"),
        ("$SD user create --email a@example.org --password-stdin <&-", 1, "closed"),
        ("$SD messages list --json > /dev/full", 1, "No space left"),
    ],
)  # fmt: skip
def test_octets_that_are_no_text_and_closed_ends_are_told(
    run: Run, folder: dict[str, str], tmp_path: Path, script: str, code: int, said: str
) -> None:
    assert run(*ADD).returncode == 0
    done = real(folder, script)
    assert done.returncode == code, done
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert stored(tmp_path) == 0


def test_a_reader_that_has_seen_enough_ends_the_answer_without_a_word(folder: dict[str, str]) -> None:
    done = real(folder, "set -o pipefail; $SD explain x | :; $SD route list --json | :; exit 0")
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("messages", "list", "--status", "sent"), 2, "scheduled"),
        (("messages", "list", "--provider", "99"), 1, "no provider 99"),
        (("explain", "550 no", "--provider", "nope"), 2, "ses"),
        (("provider", "set", "1", "--preset", "nope"), 2, "ses"),
        (("provider", "set", "1", "--per-day", str(2**31)), 1, "2,147,483,647"),
        (("provider", "set", "1", "--per-day", str(10**30)), 1, "2,147,483,647"),
        (("prune", "--days", "99999999"), 2, "36500"),
        ((*SEND, "--text", "t", "--expires", "2020-01-01"), 2, "over before"),
        ((*SEND, "--text", "t", "--at", "in 2 hours", "--expires", "in 1 hour"), 2, "over before"),
    ],
)
def test_values_that_cannot_be_are_refused(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert run(*ADD).returncode == 0
    done = run(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert said in done.stderr
    assert stored(tmp_path) == 0


def test_options_that_a_whole_message_has_no_use_for_are_refused_and_those_of_time_hold(
    run: Run, tmp_path: Path
) -> None:
    for option in ("--subject", "--text", "--html", "--reply-to"):
        done = run("send", "--eml", "-", option, "other@example.org", stdin=WHOLE)
        assert (done.returncode, option in done.stderr) == (2, True), done
    assert stored(tmp_path) == 0
    done = run("send", "--eml", "-", "--at", "in 2 hours", "--expires", "in 3 hours", "--json", stdin=WHOLE)
    shown = json.loads(run("messages", "show", json.loads(done.stdout)["id"], "--json").stdout)
    assert shown["last_event"] == "scheduled"
    assert run("send", "--eml", "-", "--expires", "2020-01-01", stdin=WHOLE).returncode == 2


@pytest.mark.parametrize("name", ["a%20b", "what?"])
def test_a_data_folder_that_would_be_read_as_something_else_stops_the_boot(run: Run, tmp_path: Path, name: str) -> None:
    done = run("status", SENDDOCK_DATA_DIR=str(tmp_path / name))
    assert (done.returncode, "SENDDOCK_DATA_DIR" in done.stderr) == (1, True)
    assert not any(path.name.startswith(name[:1]) for path in tmp_path.iterdir())


def test_a_data_folder_that_is_no_folder_is_named(run: Run, folder: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for place in (file, file / "below"):
        done = run("status", SENDDOCK_DATA_DIR=str(place))
        assert done.returncode == 1
        assert done.stderr.startswith(f"senddock: SENDDOCK_DATA_DIR names '{place}'")
        mail = real({**folder, "SENDDOCK_DATA_DIR": str(place)}, "echo hi | $SM -f us@example.com ana@example.org")
        assert (mail.returncode, b"SENDDOCK_SENDMAIL_KEY" in mail.stderr) == (75, True), mail
        assert b"Traceback" not in mail.stderr


def test_a_database_of_a_newer_version_is_left_alone_and_the_way_back_is_told(run: Run, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/data/senddock.db")
    with database.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    done = run("status")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "newer SendDock" in done.stderr
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"
    database.close()


def test_what_a_sender_wrote_does_not_move_the_cursor_and_a_long_subject_keeps_the_table_readable(run: Run) -> None:
    subject = "=?utf-8?q?=1B=5B2J=C2=9B=E2=80=AE" + "x" * 40 + "?= " + "word " * 40
    made = run("send", "--eml", "-", stdin=WHOLE.replace("Report", subject))
    listed, told = run("messages", "list").stdout, run("messages", "show", made.stdout.strip()).stdout
    for text in (listed, told):
        assert not {"\x1b", "\x9b", "\u202e"} & set(text)
        assert "[2J" in text
    assert max(map(len, listed.splitlines())) < 220


def test_sendmail_says_so_of_a_closed_standard_input(folder: dict[str, str]) -> None:
    done = real(folder, "$SM ana@example.org <&-")
    assert (done.returncode, b"closed" in done.stderr, b"Traceback" in done.stderr) == (65, True, False)


def test_the_text_on_standard_input_is_the_text(run: Run, tmp_path: Path) -> None:
    assert run(*SEND, stdin="Grüße\r\nAna\n").returncode == 0
    database = Database(f"sqlite:///{tmp_path}/data/senddock.db")
    with database.read() as session:
        raw = session.scalars(select(Content.raw)).one()
    database.close()
    assert email.message_from_bytes(raw).get_payload(decode=True) == "Grüße\r\nAna\r\n".encode()
