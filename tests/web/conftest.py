"""A signed-in browser without a browser: Flask's client with a session and a CSRF token."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch import accounts
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.conftest import Bench

EMAIL, PASSWORD = "ana@acme.example", "a long enough sentence"


def without_tokens(text: str) -> str:
    """A page without its CSRF tokens: they carry the second in which they were made."""
    return re.sub(r'(name="csrf_token"[^>]*value=)"[^"]+"', r"\1", text)


class Panel:
    """The panel as one person sees it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, *, fragment: bool = False, query: dict[str, str] | None = None) -> Any:
        return self.client.get(path, headers={"HX-Request": "true"} if fragment else {}, query_string=query)

    def read(self, path: str, *, fragment: bool = False) -> str:
        """The text of a page without its CSRF tokens."""
        return without_tokens(str(self.get(path, fragment=fragment).text))

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, fragment: bool = False, form: str = "/login"
    ) -> Any:
        headers = {"HX-Request": "true"} if fragment else {}
        return self.client.post(path, data={**(data or {}), "csrf_token": self.csrf(form)}, headers=headers)

    def csrf(self, path: str) -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.client.get(path).text)
        assert found, path
        return found.group(1)

    def sign_in(self) -> "Panel":
        answer = self.post("/login", {"email": EMAIL, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return self


@pytest.fixture
def app(sqlite: Database, vault: Vault, redis: Redis, tmp_path: Any) -> Iterator[Flask]:
    """The whole web process on SQLite."""
    settings = Settings.from_env({"SENDDOCK_DATABASE_URL": str(sqlite.engine.url), "SENDDOCK_DATA_DIR": str(tmp_path)})
    made = create_app(settings, vault=vault, redis=redis)
    # Tests change things behind the panel's back and look at once.
    made.config["STRIP_AGE"] = 0
    yield made
    made.extensions["senddock"].outbox.close()
    made.extensions["senddock"].database.close()


@pytest.fixture
def visitor(app: Flask) -> Panel:
    """Somebody who is not signed in."""
    return Panel(app)


@pytest.fixture
def panel(app: Flask, sqlite: Database) -> Panel:
    """Ana, signed in."""
    accounts.create_user(sqlite, EMAIL, PASSWORD)
    return Panel(app).sign_in()


@pytest.fixture
def mail(sqlite: Database, vault: Vault) -> Iterator[Bench]:
    """An engine beside the panel, on the same database."""
    made = Bench(sqlite, vault, None)
    yield made
    made.close()
