"""The app as gunicorn serves it, called through Flask's client, on both databases with a real Redis."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch import keys
from senddock.models import Database
from senddock.secrets.vault import Vault


@pytest.fixture
def app(database: Database, vault: Vault, redis: Redis, tmp_path: Any) -> Iterator[Flask]:
    """The whole web process."""
    url = database.engine.url.render_as_string(hide_password=False)
    settings = Settings.from_env({"SENDDOCK_DATABASE_URL": url, "SENDDOCK_DATA_DIR": str(tmp_path)})
    made = create_app(settings, vault=vault, redis=redis)
    yield made
    made.extensions["senddock"].outbox.close()
    made.extensions["senddock"].database.close()


@pytest.fixture
def token(database: Database) -> str:
    """A key with full access."""
    return keys.create(database, "shop")[1]


class Api:
    """Calls with a key."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        given = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = self._client.post("/api" + path, json=body, headers=given)
        return answer.status_code, answer.get_json()

    def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        answer = self._client.open("/api" + path, method=method, headers=self._headers, **options)
        return answer.status_code, answer.get_json()


@pytest.fixture
def api(app: Flask, token: str) -> Api:
    """The API with a key."""
    return Api(app.test_client(), token)
