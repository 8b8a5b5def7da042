"""Setup, sign-in, sign-out, and what a stranger gets."""

import pytest

from senddock.dispatch import accounts
from senddock.models import Database
from tests.web.conftest import EMAIL, PASSWORD, Panel


def test_the_setup_link_makes_the_first_account_once(visitor: Panel, sqlite: Database) -> None:
    assert visitor.get("/").headers["Location"] == "/setup"
    assert visitor.get("/setup").status_code == 403
    token = accounts.setup_link_token(sqlite)
    page = f"/setup?token={token}"
    assert "Create your account" in visitor.get(page).text
    data = {"token": token, "email": EMAIL, "password": PASSWORD, "again": PASSWORD}
    assert visitor.post("/setup", {**data, "again": "other"}, form=page).status_code == 422
    assert visitor.post("/setup", {**data, "password": "short", "again": "short"}, form=page).status_code == 422
    assert visitor.post("/setup", data, form=page).headers["Location"] == "/"
    assert visitor.get("/").status_code == 200
    assert accounts.setup_link_token(sqlite) is None
    assert visitor.get(page).headers["Location"] == "/login"


def test_a_wrong_password_is_refused_and_many_are_slowed_down(visitor: Panel, sqlite: Database) -> None:
    accounts.create_user(sqlite, EMAIL, PASSWORD)
    codes = [visitor.post("/login", {"email": EMAIL, "password": f"wrong {n}"}).status_code for n in range(10)]
    assert codes[:8] == [422] * 8
    assert codes[-1] == 429
    assert visitor.post("/login", {"email": EMAIL, "password": PASSWORD}).status_code == 429


def test_guesses_do_not_end_the_session_of_the_owner(panel: Panel, visitor: Panel) -> None:
    for number in range(12):
        visitor.post("/login", {"email": EMAIL, "password": f"wrong {number}"})
    assert panel.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/smtp", "/smtp/new", "/logs", "/logs/export.csv", "/keys", "/send"])
def test_a_stranger_sees_nothing(visitor: Panel, sqlite: Database, path: str) -> None:
    accounts.create_user(sqlite, EMAIL, PASSWORD)
    assert visitor.get(path).status_code == 303
    asked = visitor.get(path, fragment=True)
    assert asked.headers["HX-Redirect"].startswith("/login")
    assert asked.text == ""


def test_signing_out_ends_the_session_everywhere_it_was_copied(panel: Panel) -> None:
    cookie = panel.client.get_cookie("session")
    panel.post("/logout", form="/keys")
    assert cookie is not None
    panel.client.set_cookie("session", cookie.value)
    assert panel.get("/").status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "/%0A/evil.example",
        "%09//evil.example",
    ],
)
def test_signing_in_leads_only_to_this_panel(visitor: Panel, sqlite: Database, target: str) -> None:
    accounts.create_user(sqlite, EMAIL, PASSWORD)
    answer = visitor.post(f"/login?next={target}", {"email": EMAIL, "password": PASSWORD})
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("address", ["http://[", "http://localhost:port/", "//["])
def test_an_address_that_no_browser_sends_leads_to_the_overview(visitor: Panel, address: str) -> None:
    data = {"language": "es", "csrf_token": visitor.csrf("/login")}
    answer = visitor.client.post("/language", data=data, headers={"Referer": address})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_form_without_its_token_changes_nothing(panel: Panel) -> None:
    assert panel.client.post("/keys", data={"name": "x", "scope": "full"}).status_code == 400
    assert "No key yet" in panel.get("/keys").text


def test_every_answer_carries_the_strict_policy(visitor: Panel) -> None:
    for path in ("/login", "/healthz", "/static/app.css", "/nowhere"):
        policy = visitor.get(path).headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


def test_it_is_alive_and_ready(visitor: Panel) -> None:
    assert visitor.get("/healthz").json == {"status": "alive"}
    assert visitor.get("/readyz").json == {"status": "ready", "database": "ok", "redis": "ok"}


def test_whose_session_has_ended_comes_back_to_the_page_and_not_to_a_part_of_it(
    visitor: Panel, sqlite: Database
) -> None:
    accounts.create_user(sqlite, EMAIL, PASSWORD)
    shown = {"HX-Request": "true", "HX-Current-URL": "http://localhost/logs?state=failed"}
    answer = visitor.client.get("/logs/new?than=x&state=failed", headers=shown)
    assert answer.headers["HX-Redirect"] == "/login?next=/logs?state%3Dfailed"
    data = {"csrf_token": visitor.csrf("/login")}
    answer = visitor.client.post("/send", data=data, headers={"Referer": "http://localhost/send"})
    assert answer.headers["Location"] == "/login?next=/send"
    answer = visitor.client.post("/send", data=data, headers={"Referer": "https://elsewhere.example/send"})
    assert answer.headers["Location"] == "/login?next=/"
