"""Times on the command line: how long a provider may take at each stage, and until when a message is of use."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from senddock.models import Database, Message
from senddock.secrets.vault import Vault
from tests.cli.conftest import Run
from tests.conftest import Bench
from tests.smtp_server import closed_port

ADD = ("provider", "add", "--name", "SES", "--host", "127.0.0.1", "--encryption", "none", "--from-email", "a@b.de",
       "--port")  # fmt: skip
SEND = ("send", "--to", "ana@example.org", "--from", "a@b.de", "--subject", "Your code", "--text", "123456")


def time_outs(run: Run, *arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(run("provider", "show", "1", "--json").stdout)["timeouts"])


def test_each_stage_of_a_provider_gets_a_time_out_of_its_own(run: Run) -> None:
    assert time_outs(run, *ADD, "25", "--timeout", "connect=3", "--timeout", "final_dot=600") == {
        "connect": 3,
        "final_dot": 600,
    }
    assert time_outs(run, "provider", "set", "1", "--timeout", "tls=4.5") == {
        "connect": 3,
        "tls": 4.5,
        "final_dot": 600,
    }, "those that are not named stay"
    assert time_outs(run, "provider", "set", "1", "--timeout", "connect=") == {"tls": 4.5, "final_dot": 600}
    assert time_outs(run, "provider", "set", "1", "--priority", "2") == {"tls": 4.5, "final_dot": 600}


@pytest.mark.parametrize("bad", ["connect=soon", "lunch=30", "connect=0", "final_dot=-1", "tls=nan"])
def test_a_time_out_that_means_nothing_is_refused_and_changes_nothing(run: Run, bad: str) -> None:
    assert time_outs(run, *ADD, "25", "--timeout", "connect=3") == {"connect": 3}
    done = run("provider", "set", "1", "--timeout", bad)
    assert done.returncode in (1, 2), done.stdout
    assert "Traceback" not in done.stderr
    assert json.loads(run("provider", "show", "1", "--json").stdout)["timeouts"] == {"connect": 3}


def test_a_message_that_would_come_too_late_expires_and_says_so(run: Run, tmp_path: Path, vault: Vault) -> None:
    before = datetime.now(UTC)
    moment = (before + timedelta(minutes=10)).replace(microsecond=0)
    assert run(*ADD, str(closed_port())).returncode == 0
    soon, exact, late = (
        run(*SEND, "--expires", at).stdout.strip() for at in ("in 10 minutes", moment.isoformat(), "in 1 minute")
    )
    database = Database(f"sqlite:///{tmp_path}/data/senddock.db")
    with database.read() as session:
        kept = {row.id: row.expires_at for row in session.scalars(select(Message))}
    assert kept[exact] == moment
    assert kept[soon] is not None
    assert before + timedelta(minutes=10) <= kept[soon] <= datetime.now(UTC) + timedelta(minutes=10)
    with database.write() as session:
        # A minute has gone by.
        session.execute(update(Message).where(Message.id == late).values(expires_at=before - timedelta(seconds=1)))
    worker = Bench(database, vault, None)
    worker.engine.drain()
    worker.close()
    database.close()
    story = json.loads(run("messages", "show", late, "--json").stdout)
    assert (story["state"], story["attempts"]) == ("expired", [])
    assert "not accepted within its time" in story["deliveries"][0]["reply"]
    waiting = json.loads(run("messages", "show", soon, "--json").stdout)
    assert waiting["state"] == "deferred"
    assert datetime.fromisoformat(waiting["next_attempt_at"]) <= kept[soon], "looked at in time to expire"
