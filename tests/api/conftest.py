"""The app as gunicorn serves it, called through Flask's client, on both databases with a real Redis."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch import keys
from senddock.models import Database
from senddock.secrets.vault import Vault


def _away(folder: Path) -> Redis:
    """A Redis that does not answer."""
    return Redis(unix_socket_path=str(folder / "nothing.sock"), retry=Retry(NoBackoff(), 0))


@contextlib.contextmanager
def made(database: Database, vault: Vault, redis: Redis | None, folder: Path) -> Iterator[Flask]:
    """The whole web process on a database."""
    url = database.engine.url.render_as_string(hide_password=False)
    settings = Settings.from_env({"SENDDOCK_DATABASE_URL": url, "SENDDOCK_DATA_DIR": str(folder)})
    app = create_app(settings, vault=vault, redis=redis or _away(folder))
    yield app
    app.extensions["senddock"].outbox.close()
    app.extensions["senddock"].database.close()


@pytest.fixture
def app(database: Database, vault: Vault, redis: Redis, tmp_path: Path) -> Iterator[Flask]:
    """The whole web process."""
    with made(database, vault, redis, tmp_path) as app:
        yield app


@pytest.fixture
def sqlite_app(sqlite: Database, vault: Vault, redis: Redis, tmp_path: Path) -> Iterator[Flask]:
    """The same for tests in which the kind of database plays no part."""
    with made(sqlite, vault, redis, tmp_path) as app:
        yield app


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
        headers = {**self._headers, **options.pop("headers", {})}
        answer = self._client.open("/api" + path, method=method, headers=headers, **options)
        return answer.status_code, answer.get_json()


@pytest.fixture
def api(app: Flask, token: str) -> Api:
    """The API with a key."""
    return Api(app.test_client(), token)


@pytest.fixture
def sqlite_api(sqlite_app: Flask, sqlite: Database) -> Api:
    """The API with a key, for tests in which the kind of database plays no part."""
    return Api(sqlite_app.test_client(), keys.create(sqlite, "shop")[1])
