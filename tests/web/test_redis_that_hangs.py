"""Every page and every button that asks Redis something while it takes connections and answers nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch import accounts
from senddock.dispatch.redis_circuit import CircuitRedis
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.own_redis import own_redis
from tests.web.conftest import EMAIL, PASSWORD, Panel


@pytest.fixture
def hanging(sqlite: Database, vault: Vault, tmp_path: Any) -> Iterator[tuple[Flask, CircuitRedis]]:
    """The web process of an installation whose Redis has stopped in the middle of everything."""
    settings = Settings.from_env({"SENDDOCK_DATABASE_URL": str(sqlite.engine.url), "SENDDOCK_DATA_DIR": str(tmp_path)})
    with own_redis() as server:
        client = CircuitRedis.connect(server.url)
        app = create_app(settings, vault=vault, redis=client)
        server.hang()
        yield app, client
        app.extensions["senddock"].outbox.close()
        app.extensions["senddock"].database.close()
        client.close()


def test_a_person_signs_in_and_sees_every_page(hanging: tuple[Flask, CircuitRedis], sqlite: Database) -> None:
    app, client = hanging
    bench = Bench(sqlite, app.extensions["senddock"].vault, None)
    provider_id = bench.provider(25, per_day=1000)
    bench.close()
    accounts.create_user(sqlite, EMAIL, PASSWORD)
    panel = Panel(app).sign_in()
    assert client.circuit.is_open, "the sign-in counts guesses in Redis: it has waited for all that come after it"
    plain = sorted(
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and not rule.rule.startswith(("/api", "/static"))
    )
    pages = [*plain, f"/smtp/{provider_id}", "/routing/simulate?to=a@example.org&from=us@example.com"]
    assert len(pages) > 15
    answers = {path: panel.get(path).status_code for path in pages}
    assert answers.pop("/readyz") == 503, "it tells a machine that Redis does not answer"
    assert {path: code for path, code in answers.items() if code >= 500} == {}
    assert answers["/"] == 200
    assert answers["/routing/simulate?to=a@example.org&from=us@example.com"] == 200
    assert "does not answer" in panel.get("/settings").text
