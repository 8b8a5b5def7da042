"""`/api/openapi.json` says what the API does: schemathesis tries what it allows and what it forbids.

Each operation gets the cases at the edges of its description (the coverage phase: every keyword kept and broken once,
methods it has not, keys that are none) and some derived ones. The same ones each time.
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
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.generation.overrides import Override

from senddock.api.openapi import OPERATIONS, Operation
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


def check(case: Any, described: tuple[Flask, str]) -> bool:
    """Call the app and compare with what the description promises; False when the case is no example of anything."""
    app, token = described
    forbidden = case.meta.generation.mode is GenerationMode.NEGATIVE
    if not forbidden:
        if not (formats.kept(case.body) and formats.possible(case)):
            return False
        if "message_id" in case.path_parameters:
            case.path_parameters["message_id"] = Api(app.test_client(), token).post("/emails", GOOD)[1]["id"]
        if case.operation.path.endswith("/routes"):
            case.path_parameters["name"] = "transactional"
    elif (case.headers or {}).get("x-batch-validation") == "permissive":
        # A permissive batch is answered with what was wrong with its messages, not with a refusal.
        case.headers["x-batch-validation"] = "strict"
    headers = {"Accept-Encoding": "identity"}
    if not (forbidden and "Authorization" in (case.headers or {})):
        headers["Authorization"] = f"Bearer {token}"
    case.call_and_validate(headers=headers)
    return True


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_every_edge_of_every_operation_is_as_described(
    described: tuple[Flask, str], api_schema: Any, row: Operation, mode: GenerationMode
) -> None:
    operation = api_schema[row.path][row.method]
    cases = CoverageGenerator(
        operation=operation,
        generation_modes=[mode],
        generation_config=api_schema.config.generation_for(operation=operation, phase="coverage"),
        auth_storage=None,
        override=Override(),
        feedback=FeedbackSources(),
    )
    tried = [check(case, described) for case in cases]
    # Each operation can at least be called with another method, without a key, and with a wrong one.
    assert sum(tried) >= (1 if mode is GenerationMode.POSITIVE else 9)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize("row", [row for row in OPERATIONS if row.parameters or row.body], ids=lambda row: row.name)
def test_derived_requests_are_answered_as_described(
    described: tuple[Flask, str], api_schema: Any, row: Operation, mode: GenerationMode
) -> None:
    @given(api_schema[row.path][row.method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=15,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def derived(case: Any) -> None:
        assume(check(case, described))

    derived()
