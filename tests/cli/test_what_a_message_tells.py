"""`senddock messages show`: each failed attempt with what it means and what to do next, and what was remarked."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from senddock.models import Attempt, Database
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("cls", "reply", "words"),
    [
        ("auth", (535, "Authentication failed"), ("user name and password", "/guides/troubleshooting#auth")),
        ("connection", (None, "Connection timeout"), ("2525 or 465", "/guides/troubleshooting#connection")),
        ("relay_denied", (550, "Relay not permitted"), ("Verify your domain", "/guides/troubleshooting#relay-denied")),
        (
            "quota_exceeded",
            (454, "Daily sending quota exceeded"),
            ("upgrade", "/guides/troubleshooting#quota-exceeded"),
        ),
    ],
)
def test_the_documentations_four_errors_say_what_to_do(
    run: Run, tmp_path: Path, cls: str, reply: tuple[int | None, str], words: tuple[str, ...]
) -> None:
    sent = run("send", "--to", "a@example.org", "--from", "noreply@example.com", "--subject", "x", "--text", "y")
    message_id = sent.stdout.strip()
    database = Database(f"sqlite:///{tmp_path}/data/senddock.db")
    with database.write() as session:
        session.add(
            Attempt(
                message_id=message_id, number=1, provider_id=1, provider_name="One",
                started_at=datetime.now(UTC), finished_at=datetime.now(UTC), duration_ms=3.0, stage="auth",
                verdict_class=cls, code=reply[0], text=reply[1], fail_over=True,
                plan={"rewritten": {"from": "noreply@example.com", "to": "us@example.com"}}, detail={},
            )
        )  # fmt: skip
    database.close()
    shown = run("messages", "show", message_id).stdout
    for part in (
        *words,
        "Next: ",
        "Warning: noreply@ looks like spam",
        "From was rewritten: noreply@example.com → us@ex",
    ):
        assert part in shown, part
