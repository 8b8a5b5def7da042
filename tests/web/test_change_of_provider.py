"""Change of provider as the user documentation has it: add, test, make default, delete the old. Queued mail follows."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from senddock.dispatch import keys, providers
from senddock.dispatch.connection_tests import Runner, get
from senddock.models import ApiKey, Base, Database, Stream
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP
from tests.web.conftest import Panel


@pytest.fixture
def mail(sqlite: Database, vault: Vault, redis: Redis) -> Iterator[Bench]:
    """An engine beside the panel, on the same database."""
    made = Bench(sqlite, vault, redis)
    yield made
    made.close()


def command_line(database: Database, folder: Path, *arguments: str) -> Any:
    environ = {"SENDDOCK_DATABASE_URL": str(database.engine.url), "SENDDOCK_DATA_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "senddock", *arguments],
        env={**os.environ, **environ}, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def rows(database: Database, *tables: type[Base]) -> list[Any]:
    with database.connect() as connection:
        return [connection.execute(select(table.__table__)).all() for table in tables]


def test_the_old_provider_is_replaced_and_only_the_way_of_the_mail_changes(
    panel: Panel, mail: Bench, vault: Vault, smtp_server: Callable[..., ScriptedSMTP], tmp_path: Path
) -> None:
    old_server, new_server = smtp_server(), smtp_server(users={"me": "a-new-password"})
    old = mail.provider(old_server.port, "Old", 1)
    providers.make_default(mail.database, old)
    keys.create(mail.database, "shop")
    sent = mail.submit("ana@example.org")
    mail.engine.drain()
    waiting = [mail.submit(f"p{number}@example.org", stream_id=1 + number % 2) for number in range(4)]
    untouched = rows(mail.database, ApiKey, Stream)

    # 1. Configure the new one.
    form = {"name": "New", "host": "127.0.0.1", "port": str(new_server.port), "encryption": "none", "username": "me",
            "password": "a-new-password", "from_email": "us@example.com", "priority": "2", "enabled": "y",
            "from_policy": "any"}  # fmt: skip
    assert panel.post("/smtp/new", form, form="/smtp/new").status_code == 303
    new = next(row.id for row in providers.all_providers(mail.database) if row.name == "New")

    # 2. Test Connection.
    where = panel.post(f"/smtp/{new}/test", form="/smtp").headers["Location"]
    test_id = where.rsplit("/", 1)[1]
    Runner(mail.database, vault, dns_servers=(), greet_as="localhost")(test_id)
    found = get(mail.database, test_id)
    assert found is not None
    assert found.state == "succeeded", found.report
    assert "Connection successful" in panel.get(where).text

    # 3. Mark it as default. 4. Delete the old one.
    panel.post(f"/smtp/{new}/default", form="/smtp")
    command_line(mail.database, tmp_path, "provider", "remove", str(old))

    before = len(new_server.taken)
    mail.engine.drain()
    assert len(new_server.taken) - before == 4, "queued mail follows"
    assert len(old_server.taken) == 1
    assert {mail.story(message_id)["state"] for message_id in waiting} == {"accepted"}
    assert rows(mail.database, ApiKey, Stream) == untouched, "nothing else changes"

    # The old one's history and statistics stay, under its name.
    assert mail.story(sent)["attempts"][0]["provider"] == "Old"
    shown = command_line(mail.database, tmp_path, "statistics", "show", "--json")
    assert {row["provider"]: row["accepted"] for row in shown["providers"]} == {"Old": 1, "New": 4}
    assert "Old" in panel.get("/statistics").text
    listed = command_line(mail.database, tmp_path, "provider", "list", "--json")
    assert [(row["name"], row["default"]) for row in listed] == [("New", True)]
