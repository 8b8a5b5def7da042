"""The whole tree of commands: what prints data prints it as JSON too."""

import json
from collections.abc import Iterator
from typing import Any

import click

from senddock.cli import cli
from tests.cli.conftest import Run

#: Processes that stay, a shell's script, and CSV by its nature.
NO_JSON = {
    "up", "web", "worker", "clock", "submission", "completion", "statistics export", "suppression export",
}  # fmt: skip


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from _commands(child, (*path, name))


def test_every_command_that_answers_takes_json() -> None:
    found = dict(_commands(cli))
    assert len(found) > 50
    without = {name for name, command in found.items() if "--json" not in {o for p in command.params for o in p.opts}}
    assert without == NO_JSON


def test_every_command_says_what_it_does() -> None:
    assert [name for name, command in _commands(cli) if not command.help] == []


def test_commands_that_act_say_in_json_what_they_did(run: Run) -> None:
    def answer(*words: str, stdin: str | None = None) -> Any:
        done = run(*words, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    made = answer("provider", "add", "--preset", "resend", "--from-email", "us@example.com")
    assert answer("provider", "disable", "1") == {"id": 1, "name": made["name"], "enabled": False}
    assert answer("provider", "enable", "1")["enabled"] is True
    assert answer("provider", "default", "1")["default"] is True
    assert answer("route", "set", "--stream", "transactional", "1:1") == {"stream": "transactional", "routes": 1}
    message_id = answer("send", "--to", "ana@example.org", "--subject", "x", "--text", "y", "--at", "in 2 hours")["id"]
    assert answer("messages", "cancel", message_id) == {"id": message_id, "status": "canceled"}
    assert answer("messages", "retry", message_id)["status"] == "queued"
    for name in ("ana", "bo"):
        created = answer(
            "user", "create", "--email", f"{name}@example.org", "--password-stdin", stdin="correct horse\n"
        )
        assert created["email"] == f"{name}@example.org"
    assert answer("user", "disable", "--email", "ana@example.org")["enabled"] is False
    assert answer("user", "enable", "--email", "ana@example.org")["enabled"] is True
    assert "/welcome?token=" in answer("user", "link", "--email", "ana@example.org")["link"]
    key = answer("key", "create", "--name", "shop")
    assert answer("key", "revoke", str(key["id"])) == {"id": key["id"], "revoked": True}
    hook = answer("webhook", "add", "https://app.example.com/hooks")
    assert answer("webhook", "remove", str(hook["id"]))["removed"] is True
    assert answer("statistics", "rebuild") == {"counted": 0, "kept": 0}
    assert answer("db", "upgrade")["schema"]
    assert answer("provider", "remove", "1") == {"id": 1, "removed": True}
