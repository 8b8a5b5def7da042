"""API keys in the panel: shown once, limited as the form says, ended at once."""

import re
from datetime import timedelta

import pytest

from senddock.dispatch import keys, streams
from senddock.dispatch.caller import KeyRefused
from senddock.models import ApiKey, Database
from tests.web.conftest import Panel


def _token(page: str) -> str:
    found = re.search(r"sd_[\w-]{40,}", page)
    assert found, page
    return found.group(0)


def test_the_token_is_shown_once_with_snippets_that_hold_it(panel: Panel, sqlite: Database) -> None:
    page = panel.post("/keys", {"name": "shop", "scope": "sending"}, form="/keys").text
    token = _token(page)
    for words in ("curl", "resend.api_key", "new Resend(", "PHPMailer", "WordPress", "EMAIL_HOST_PASSWORD", "GF_SMTP"):
        assert words in page, words
    assert token not in panel.get("/keys").text
    assert keys.Keyring(sqlite).admit(token, None).name == "shop"


def test_every_limit_of_the_form_reaches_the_key(panel: Panel, sqlite: Database) -> None:
    data = {
        "name": "shop", "scope": "sending", "streams": ["marketing"], "from_domains": "myapp.com, *.myapp.com",
        "networks": "10.0.0.0/8 192.0.2.7", "per_second": "5", "days": "30",
    }  # fmt: skip
    token = _token(panel.post("/keys", data, form="/keys").text)
    with sqlite.read() as session:
        key = session.get(ApiKey, 1)
    assert key is not None
    assert key.from_domains == ["myapp.com", "*.myapp.com"]
    assert key.networks == ["10.0.0.0/8", "192.0.2.7"]
    assert key.per_second == 5
    assert key.expires_at is not None
    assert 29.9 < (key.expires_at - key.created_at) / timedelta(days=1) < 30.1
    with pytest.raises(KeyRefused):
        keys.Keyring(sqlite).admit(token, "203.0.113.5")
    listed = panel.get("/keys").text
    for words in ("marketing", "*.myapp.com", "10.0.0.0/8", "5 requests/s", "ends"):
        assert words in listed, words


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("networks", "nowhere", "not an IP network"),
        ("from_domains", "myapp..com", "is not a domain"),
        ("streams", "no such", "no stream"),
        ("days", "-1", "expired already"),
        ("days", "99999999999", "too far away"),
        ("per_second", "0", "number of requests"),
        ("per_second", "many", "Not a valid integer"),
        ("name", "", "Give the key a name"),
    ],
)
def test_a_wrong_limit_is_said_beside_its_field_and_makes_no_key(
    panel: Panel, sqlite: Database, field: str, value: str, words: str
) -> None:
    answer = panel.post("/keys", {"name": "shop", "scope": "full", field: value}, form="/keys")
    assert answer.status_code == 422
    assert words in answer.text
    assert keys.all_keys(sqlite) == []


def test_the_word_project_appears_only_where_there_are_several(panel: Panel, sqlite: Database) -> None:
    assert "Project" not in panel.get("/keys").text
    streams.add_project(sqlite, "blog")
    assert "Project" in panel.get("/keys").text
    panel.post("/keys", {"name": "posts", "scope": "full", "project": "blog"}, form="/keys")
    assert keys.all_keys(sqlite)[0].project_id == 2


def test_a_revoked_key_stays_in_the_list_and_opens_nothing(panel: Panel, sqlite: Database) -> None:
    token = _token(panel.post("/keys", {"name": "shop", "scope": "full"}, form="/keys").text)
    panel.post("/keys/1/revoke", form="/keys")
    assert "revoked" in panel.get("/keys").text
    with pytest.raises(KeyRefused):
        keys.Keyring(sqlite).admit(token, None)


def test_the_page_contains_its_fragment(panel: Panel) -> None:
    panel.post("/keys", {"name": "shop", "scope": "full"}, form="/keys")
    assert panel.read("/keys", fragment=True).strip() in panel.read("/keys")
