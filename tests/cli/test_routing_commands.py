"""Routes, the simulator, experiments and statistics on the command line."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from redis import Redis

from senddock.cli import cli
from senddock.dispatch import providers
from senddock.models import Database
from senddock.secrets.vault import Vault


@pytest.fixture
def run(
    sqlite: Database, vault: Vault, redis: Redis, redis_socket: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """`senddock …` with two providers, in this process."""
    monkeypatch.setenv("SENDDOCK_DATABASE_URL", str(sqlite.engine.url))
    monkeypatch.setenv("SENDDOCK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SENDDOCK_REDIS_URL", redis_socket)
    for number, name in enumerate(("SES", "Resend"), 1):
        values = {"name": name, "host": "smtp.example.com", "port": 587, "encryption": "starttls", "priority": number}
        providers.add(sqlite, vault, {**values, "from_email": "us@example.com"}, None)

    def call(*arguments: str) -> Any:
        done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.output) if "--json" in arguments else done.output

    return call


def test_routes_are_set_listed_and_simulated(run: Any) -> None:
    assert "2 routes" in run("route", "set", "--stream", "marketing", "1:1:70", "2:1:30")
    assert [(row["provider"], row["weight"]) for row in run("route", "list", "--json")] == [("SES", 70), ("Resend", 30)]
    asked = ("route", "simulate", "--to", "ana@gmail.com", "--from", "us@example.com", "--stream", "marketing")
    answer = run(*asked, "--json")
    assert (answer["decision"], answer["chosen"], answer["then"]) == ("use", "SES", ["Resend"])
    assert answer["why"] == "priority 1, 70 % of what goes out there now"
    assert answer["left_out"] == [{"provider": "Resend", "why": "its share is served"}]
    words = run(*asked)
    assert "SES: priority 1, 70 %" in words
    assert "if it fails: Resend, then it waits" in words


def test_a_stream_is_found_in_its_project(run: Any) -> None:
    run("project", "add", "--name", "shop")
    run("route", "set", "--stream", "marketing", "--project", "shop", "2:1")
    assert [(row["project"], row["provider"]) for row in run("route", "list", "--json")] == [("shop", "Resend")]
    run("route", "set", "--stream", "marketing", "--project", "shop")
    assert "No routes" in run("route", "list")


def test_what_was_decided_for_a_message_is_told(run: Any) -> None:
    message_id = run("send", "--to", "a@example.org", "--subject", "x", "--text", "y").strip()
    assert run("route", "explain", message_id, "--json") == {"id": message_id, "attempts": [], "waits": None}


def test_an_experiment_is_started_shown_and_ended(run: Any) -> None:
    made = run("experiment", "start", "--name", "SES or Resend", "1:50", "2:50", "--json")
    shown = run("experiment", "show", str(made["id"]), "--json")
    assert (shown["phase"], shown["state"], [arm["share"] for arm in shown["arms"]]) == (
        "running",
        "empty",
        [50.0, 50.0],
    )
    assert "Nothing has been counted yet" in run("experiment", "list")
    run("experiment", "end", str(made["id"]))
    assert run("experiment", "show", str(made["id"]), "--json")["phase"] == "over"


def test_statistics_are_shown_exported_and_rebuilt(run: Any) -> None:
    assert "Nothing was sent" in run("statistics", "show")
    assert run("statistics", "export").startswith("hour,stream_id,provider_id,class")
    assert "0 hours were counted anew" in run("statistics", "rebuild")
