"""`senddock send`: files that travel along, and a time to send at."""

import email
import email.policy
import json
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select

from senddock.models import Content, Database, Message
from tests.cli.conftest import Run

SEND = (
    "send",
    "--to",
    "ana@example.org",
    "--from",
    "us@example.com",
    "--subject",
    "Report",
    "--text",
    "See the files.",
)


@pytest.fixture
def stored(tmp_path: Path) -> Database:
    """The data folder's database."""
    return Database(f"sqlite:///{tmp_path}/data/senddock.db")


def test_attached_files_arrive_whole_with_name_and_type(run: Run, tmp_path: Path, stored: Database) -> None:
    octets = bytes(range(256)) * 40
    report, photo, unknown = tmp_path / "Übersicht 1.csv", tmp_path / "photo.png", tmp_path / "data.unheard-of"
    report.write_bytes(b"a,b\r\n1,2\n")
    photo.write_bytes(octets)
    unknown.write_bytes(b"\0\1")
    files = [argument for path in (report, photo, unknown) for argument in ("--attach", str(path))]
    done = run(*SEND, *files)
    assert (done.returncode, done.stderr) == (0, "")
    with stored.read() as session:
        raw = session.scalars(select(Content.raw).where(Content.message_id == done.stdout.strip())).one()
    stored.close()
    message = cast("EmailMessage", email.message_from_bytes(raw, policy=email.policy.default))
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "See the files."
    assert [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in message.iter_attachments()
    ] == [
        ("Übersicht 1.csv", "text/csv", b"a,b\r\n1,2\n"),
        ("photo.png", "image/png", octets),
        ("data.unheard-of", "application/octet-stream", b"\0\1"),
    ]


def test_a_file_that_is_not_there_stops_the_message(run: Run, tmp_path: Path) -> None:
    done = run(*SEND, "--attach", str(tmp_path / "gone.pdf"))
    assert done.returncode == 2
    assert "gone.pdf" in done.stderr
    assert json.loads(run("messages", "list", "--json").stdout) == []


def test_a_message_waits_for_its_time(run: Run, stored: Database) -> None:
    before = datetime.now(UTC)
    moment = (before + timedelta(days=3)).replace(microsecond=0)
    soon, exact = (run(*SEND, "--at", at).stdout.strip() for at in ("in 2 hours", moment.isoformat()))
    with stored.read() as session:
        times = {row.id: row.scheduled_at for row in session.scalars(select(Message))}
    stored.close()
    assert times[exact] == moment
    assert times[soon] is not None
    assert before + timedelta(hours=2) <= times[soon] <= datetime.now(UTC) + timedelta(hours=2)
    assert json.loads(run("messages", "show", soon, "--json").stdout)["last_event"] == "scheduled"


@pytest.mark.parametrize("at", ["next full moon", "in 31 days", "2020-13-01T00:00:00Z"])
def test_a_time_that_cannot_be_kept_is_refused_and_nothing_is_stored(run: Run, at: str) -> None:
    done = run(*SEND, "--at", at)
    assert done.returncode == 2
    assert "--at, --expires: " in done.stderr
    assert json.loads(run("messages", "list", "--json").stdout) == []


def test_a_from_that_will_not_be_liked_is_remarked_and_the_message_taken(run: Run) -> None:
    words = (
        "send",
        "--to",
        "ana@example.org",
        "--from",
        "No Reply <noreply@example.com>",
        "--subject",
        "x",
        "--text",
        "y",
    )
    done = run(*words, "--json")
    assert done.returncode == 0
    assert done.stderr == "", "no terminal, so cron has nothing to tell of"
    assert [remark["name"] for remark in json.loads(done.stdout)["warnings"]] == [
        "no_provider",
        "from_no_reply",
        "from_name",
    ]
