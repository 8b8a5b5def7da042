"""`/api/openapi.json` says what the API does: schemathesis tries what it allows and what it forbids.

The examples are derived, not random: the same ones each time.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode

from senddock.api.openapi import OPERATIONS
from senddock.dispatch import keys
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.api import formats
from tests.api.conftest import Api, made

GOOD = {"to": "ana@example.org", "subject": "Hello", "text": "It works.", "scheduled_at": "in 2 days"}


@pytest.fixture(scope="module")
def described(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, str]]:
    """The app and a key."""
    folder = tmp_path_factory.mktemp("described")
    shutil.copy(sqlite_template, folder / "senddock.db")
    database = Database(f"sqlite:///{folder}/senddock.db")
    with made(database, Vault([b"k" * 32]), None, folder) as app:
        yield app, keys.create(database, "tester", per_second=100_000)[1]
    database.close()


@pytest.fixture(scope="module")
def api_schema(described: tuple[Flask, str]) -> Any:
    """What the app says of itself."""
    return schemathesis.openapi.from_wsgi("/api/openapi.json", described[0])


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_every_operation_keeps_its_promises(
    described: tuple[Flask, str], api_schema: Any, row: Any, mode: GenerationMode
) -> None:
    app, token = described
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    api = Api(app.test_client(), token)
    operation = api_schema[row.path][row.method]
    if mode is GenerationMode.NEGATIVE and not (row.parameters or row.body):
        return

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=25,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and "message_id" in case.path_parameters:
            case.path_parameters["message_id"] = api.post("/emails", GOOD)[1]["id"]
        if mode is GenerationMode.POSITIVE and row.path.endswith("/routes"):
            case.path_parameters["name"] = "transactional"
        if mode is GenerationMode.POSITIVE:
            assume(formats.kept(case.body))
        if mode is GenerationMode.NEGATIVE and case.headers:
            # A permissive batch is answered with what was wrong with its messages, not with a refusal.
            case.headers.pop("x-batch-validation", None)
        case.call_and_validate(headers=headers)

    check()


def test_every_address_is_described_and_every_description_has_an_address(described: tuple[Flask, str]) -> None:
    app, _ = described
    served = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/api/emails", "/api/streams")):
            served |= {
                (
                    method.lower(),
                    rule.rule.removeprefix("/api")
                    .replace("<uuid:message_id>", "{message_id}")
                    .replace("<name>", "{name}"),
                )
                for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            }
    assert served == {(row.method, row.path) for row in OPERATIONS}
