"""The command line as an operator and a script meet it."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from senddock.dispatch import teaching
from senddock.domain.verdict_class import VerdictClass
from senddock.models import Database
from tests.cli.conftest import Run


def test_a_provider_is_added_shown_and_never_tells_its_password(run: Run) -> None:
    done = run(
        "provider", "add", "--name", "SES", "--host", "smtp.example.com", "--port", "587", "--encryption", "starttls",
        "--username", "me", "--password-stdin", "--from-email", "hello@myapp.com", "--per-second", "14", "--json",
        stdin="hunter2-hunter2\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert {key: made[key] for key in ("id", "priority", "enabled", "state")} == {
        "id": 1, "priority": 1, "enabled": True, "state": "healthy",
    }  # fmt: skip
    for arguments in (("provider", "show", "1", "--json"), ("provider", "list", "--json"), ("provider", "list")):
        shown = run(*arguments)
        assert "SES" in shown.stdout
        assert "hunter2" not in shown.stdout + shown.stderr


def test_a_preset_fills_in_what_is_not_given(run: Run) -> None:
    def add(*options: str) -> dict[str, Any]:
        done = run("provider", "add", "--from-email", "hello@myapp.com", *options, "--json")
        assert done.returncode == 0, done.stderr
        made: dict[str, Any] = json.loads(done.stdout)
        return made

    made = add("--preset", "sendgrid")
    assert [made[name] for name in ("host", "port", "encryption", "username")] == [
        "smtp.sendgrid.net", 587, "starttls", "apikey",
    ]  # fmt: skip
    made = add(
        "--preset", "ses", "--name", "Mail", "--host", "email-smtp.eu-west-1.amazonaws.com", "--per-second", "14"
    )
    assert [made[name] for name in ("name", "host", "port", "preset")] == [
        "Mail", "email-smtp.eu-west-1.amazonaws.com", 587, "ses",
    ]  # fmt: skip
    assert (made["limits"]["per_second"], made["limits"]["per_day"]) == (14, 200)
    # Another encryption than the usual one goes to a port that speaks it.
    assert add("--preset", "ses", "--encryption", "ssl")["port"] == 465
    production = add("--preset", "ses", "--plan", "production")["limits"]
    assert (production["per_second"], production.get("per_day")) == (14, None)
    no_plan = run("provider", "add", "--preset", "ses", "--plan", "gold", "--from-email", "hello@myapp.com")
    assert (no_plan.returncode, "there are: Sandbox, Production" in no_plan.stderr) == (2, True)
    unknown = run("provider", "add", "--preset", "sess", "--from-email", "hello@myapp.com")
    assert unknown.returncode == 2
    assert "'sess' is none of resend, hostinger, ses" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("provider", "add", "--name", "x"), 1, "The host is"),
        (("provider", "show", "9"), 1, "There is no provider 9"),
        (("messages", "show", "nothing"), 1, "no message with this id"),
        (("send", "--to", "a@b.de"), 2, "--subject"),
        (("send", "--to", "nobody", "--subject", "x", "--text", "y"), 1, "is not an address"),
        (("frobnicate",), 2, "No such command"),
        (("explain", "550 x", "--stage", "nowhere"), 2, "--stage is one of"),
    ],
)
def test_refusals_are_one_clear_line_and_the_right_code(
    run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = run(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_stops_every_command_and_names_the_variable(run: Run) -> None:
    done = run("status", SENDDOCK_WORKERS="many")
    assert (done.returncode, done.stdout) == (1, "")
    assert "SENDDOCK_WORKERS" in done.stderr


def test_another_master_key_is_refused_before_anything_is_sent(run: Run) -> None:
    first, other = "q0Xv3m1Zb8cN5tYw2RkLpJhGfDsAoIuE7x9VnBzC4lM=", "Zb8cN5tYw2RkLpJhGfDsAoIuE7x9VnBzC4lMq0Xv3m0="
    assert run("provider", "list", SENDDOCK_MASTER_KEY=first).returncode == 0
    add = ("provider", "add", "--name", "x", "--host", "localhost", "--port", "25", "--encryption", "none",
           "--from-email", "a@b.de")  # fmt: skip
    assert run(*add, SENDDOCK_MASTER_KEY=first).returncode == 0
    for command in (("worker",), ("up",), add):
        done = run(*command, SENDDOCK_MASTER_KEY=other)
        assert done.returncode == 1, command
        assert "another master key" in done.stderr


def test_explain_speaks_the_shape_of_the_contract(run: Run) -> None:
    answer: dict[str, Any] = json.loads(run("explain", "535 Authentication failed", "--json").stdout)
    assert {"class", "blame", "fail_over", "retry", "wait_seconds", "pause", "hint", "rule"} <= set(answer)
    assert (answer["class"], answer["fail_over"], answer["pause"]) == ("auth", True, False)


def test_explain_knows_the_rules_that_were_taught_here_and_names_them(run: Run, tmp_path: Path) -> None:
    line = "550 5.7.1 The frobnicator is away"
    assert json.loads(run("explain", line, "--json").stdout)["class"] != "greylisted"
    database = Database(f"sqlite:///{tmp_path}/data/senddock.db")
    teaching.teach(
        database,
        teaching.Draft("frobnicator is away", VerdictClass.GREYLISTED),
        by="ana",
        now=datetime.now(UTC),
    )
    database.close()
    told = json.loads(run("explain", line, "--json").stdout)
    assert (told["class"], told["rule"]) == ("greylisted", "taught-1")
    assert "Rule: taught-1 (taught in this installation)" in run("explain", line).stdout


def test_explain_makes_no_database_and_does_without_one_that_is_away(run: Run, tmp_path: Path) -> None:
    line = "535 5.7.8 bad"
    nowhere = tmp_path / "nowhere"
    assert run("explain", line, SENDDOCK_DATA_DIR=str(nowhere)).returncode == 0
    assert not nowhere.exists()
    away = run("explain", line, "--json", SENDDOCK_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert json.loads(away.stdout)["class"] == "auth"
    assert "Without the rules that were taught here" in away.stderr


def test_a_message_is_sent_listed_and_canceled(run: Run, tmp_path: Path) -> None:
    eml = tmp_path / "a.eml"
    eml.write_bytes(b"From: us@example.com\nTo: a@example.org\nBcc: eve@example.org\nSubject: Raw\n\nHello\n.\n")
    ids = [
        run("send", "--to", "a@example.org", "--subject", "One", "--text", "x").stdout.strip(),
        run("send", "--to", "a@example.org", "--eml", str(eml), "--stream", "marketing").stdout.strip(),
    ]
    listed = json.loads(run("messages", "list", "--json").stdout)
    assert [row["id"] for row in listed] == ids[::-1]
    assert run("messages", "cancel", ids[0]).returncode == 0
    assert json.loads(run("messages", "show", ids[0], "--json").stdout)["last_event"] == "canceled"
    assert json.loads(run("status", "--json").stdout)["queue"]["queued"] == 1
    shown = json.loads(run("messages", "show", ids[1], "--json").stdout)
    assert (shown["stream"], shown["subject"]) == ("marketing", "Raw")


def test_streams_get_routes_of_their_own(run: Run) -> None:
    for name in ("a", "b"):
        run("provider", "add", "--name", name, "--host", "localhost", "--port", "25", "--encryption", "none",
            "--from-email", "a@b.de")  # fmt: skip
    assert run("route", "set", "--stream", "marketing", "2:1:70", "1:2").returncode == 0
    routes = json.loads(run("route", "list", "--json").stdout)
    assert [(row["provider"], row["priority"], row["weight"]) for row in routes] == [("b", 1, 70), ("a", 2, 100)]
    assert run("route", "set", "--stream", "marketing", "9:1").returncode == 1
    assert len(json.loads(run("route", "list", "--json").stdout)) == 2, "a refused change leaves the old routes"


def test_a_port_that_is_taken_is_said_at_once(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("up", SENDDOCK_WEB_BIND=f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "SENDDOCK_WEB_BIND" in done.stderr


@pytest.mark.parametrize(
    ("options", "password", "words"),
    [
        (("--from-email", "noreply@example.com"), "x", "noreply"),
        (("--from-name", "No Reply"), "x", "No Reply"),
        (("--port", "587", "--encryption", "ssl"), "x", "choose TLS"),
        (("--preset", "ses"), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret access key"),
    ],
)
def test_what_the_form_remarks_is_said_on_the_command_line_too(
    run: Run, options: tuple[str, ...], password: str, words: str
) -> None:
    usual = {"--host": "smtp.example.com", "--port": "587", "--encryption": "starttls", "--username": "u", "--name": "A",
             "--from-email": "us@example.com", "--from-name": "Us"}  # fmt: skip
    if "--preset" in options:
        usual = {"--from-email": "us@example.com", "--username": "AKIAIOSFODNN7EXAMPLE"}
    given = [word for pair in {**usual, **dict(zip(options[::2], options[1::2], strict=True))}.items() for word in pair]
    made = run("provider", "add", *given, "--password-stdin", "--json", stdin=password + "\n")
    assert made.returncode == 0, made.stderr
    assert "Warning: " in made.stderr
    assert words.lower() in made.stderr.lower()
    assert f"{password}\n" not in made.stdout + made.stderr
    quiet = run("provider", "add", *[word for pair in {**usual, "--name": "B"}.items() for word in pair], "--json")
    assert "Warning: " not in quiet.stderr
