"""Several people: invited by a link, shut at once, and asked again before secrets change."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from senddock.dispatch import accounts, sessions
from senddock.models import ConnectionTest, Database, Provider, UserSession
from senddock.web.account.browser import browser_name
from tests.web.conftest import EMAIL, PASSWORD, Panel

BOB = "bob@acme.example"


def _link_in(page: str) -> str:
    found = re.search(r"/welcome\?token=([\w-]+)", page)
    assert found, page
    return found.group(0)


def _age_sessions(database: Database, **ago: int) -> None:
    with database.write() as session:
        session.execute(update(UserSession).values(confirmed_at=datetime.now(UTC) - timedelta(**ago)))


def test_a_person_comes_in_by_an_invitation_that_works_once(panel: Panel, app: Flask) -> None:
    link = _link_in(panel.post("/users", {"email": BOB}, form="/users").text)
    bob = Panel(app)
    assert BOB in bob.get(link).text
    token = link.partition("=")[2]
    data = {"token": token, "password": PASSWORD, "again": PASSWORD}
    assert bob.post("/welcome", {**data, "again": "other"}, form=link).status_code == 422
    assert bob.post("/welcome", data, form=link).headers["Location"] == "/"
    assert bob.get("/logs").status_code == 200
    assert Panel(app).get(link).status_code == 403
    assert BOB in panel.get("/users").text


def test_shutting_an_account_ends_its_sessions_at_once(panel: Panel, app: Flask, sqlite: Database) -> None:
    accounts.create_user(sqlite, BOB, PASSWORD)
    bob = Panel(app)
    bob.post("/login", {"email": BOB, "password": PASSWORD})
    assert bob.get("/logs").status_code == 200
    panel.post("/users/2/disable", form="/users")
    assert bob.get("/logs").status_code == 303
    assert bob.post("/login", {"email": BOB, "password": PASSWORD}).status_code == 422
    panel.post("/users/2/enable", form="/users")
    assert bob.post("/login", {"email": BOB, "password": PASSWORD}).status_code == 303


def test_nobody_shuts_the_last_account_nor_their_own(panel: Panel, sqlite: Database) -> None:
    panel.post("/users/1/disable", form="/users")
    assert "cannot shut your own account" in panel.get("/users").text
    with pytest.raises(Exception, match="only account"):
        accounts.disable(sqlite, 1)


def test_a_password_link_sets_the_password_and_ends_the_sessions(panel: Panel, app: Flask, sqlite: Database) -> None:
    accounts.create_user(sqlite, BOB, PASSWORD)
    bob = Panel(app)
    bob.post("/login", {"email": BOB, "password": PASSWORD})
    link = _link_in(panel.post("/users/2/link", form="/users").text)
    other, new = Panel(app), "another long sentence"
    other.post("/welcome", {"token": link.partition("=")[2], "password": new, "again": new}, form=link)
    assert bob.get("/logs").status_code == 303
    assert other.get("/logs").status_code == 200
    assert bob.post("/login", {"email": BOB, "password": PASSWORD}).status_code == 422


def test_changing_the_password_needs_the_present_one_and_signs_the_others_out(panel: Panel, app: Flask) -> None:
    elsewhere, new = Panel(app).sign_in(), "another long sentence"
    data = {"old": "wrong", "password": new, "again": new}
    assert panel.post("/account/password", data, form="/account").status_code == 422
    assert panel.post("/account/password", {**data, "old": PASSWORD}, form="/account").status_code == 303
    assert panel.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303


def test_other_browsers_are_listed_and_signed_out_one_by_one(panel: Panel, app: Flask, sqlite: Database) -> None:
    elsewhere = Panel(app).sign_in()
    page = panel.get("/account").text
    prefixes = re.findall(r"/account/sessions/(\w{16})/end", page)
    assert len(prefixes) == 1
    assert "this browser" in page
    panel.post(f"/account/sessions/{prefixes[0]}/end", form="/account")
    assert elsewhere.get("/account").status_code == 303
    Panel(app).sign_in()
    panel.post("/account/sessions/end-others", form="/account")
    assert len(sessions.sessions_of(sqlite, 1)) == 1


def test_the_page_contains_its_fragment(panel: Panel) -> None:
    for path in ("/users", "/account"):
        assert panel.read(path, fragment=True).strip() in panel.read(path)


def test_secrets_ask_for_the_password_again_after_a_while(panel: Panel, sqlite: Database) -> None:
    assert panel.get("/account/two-step").status_code == 200
    _age_sessions(sqlite, minutes=16)
    answer = panel.get("/account/two-step")
    assert answer.headers["Location"] == "/confirm?next=/account/two-step"
    assert panel.post(answer.headers["Location"], {"password": "wrong"}, form="/account").status_code == 422
    done = panel.post(answer.headers["Location"], {"password": PASSWORD}, form="/account")
    assert done.headers["Location"] == "/account/two-step"
    assert panel.get("/account/two-step").status_code == 200


def test_a_form_that_was_open_for_half_an_hour_is_still_taken(panel: Panel, sqlite: Database) -> None:
    _age_sessions(sqlite, minutes=40)
    assert "/welcome?token=" in panel.post("/users", {"email": BOB}, form="/users").text
    _age_sessions(sqlite, minutes=70)
    refused = panel.post("/users", {"email": "cy@acme.example"}, form="/users", fragment=True)
    assert refused.headers["HX-Redirect"].startswith("/confirm")
    assert len(accounts.all_users(sqlite)) == 1


def test_strangers_who_guess_from_everywhere_do_not_keep_the_owner_out(
    panel: Panel, app: Flask, sqlite: Database
) -> None:
    panel.post("/logout", form="/keys")
    codes = []
    for number in range(25):
        stranger = Panel(app)
        answer = stranger.client.post(
            "/login",
            data={"email": EMAIL, "password": f"guess {number}", "csrf_token": stranger.csrf("/login")},
            environ_base={"REMOTE_ADDR": f"203.0.113.{number}"},
        )
        codes.append(answer.status_code)
    assert codes[:19] == [422] * 19  # the owner's own sign-in was the first of the twenty
    assert codes[-1] == 429
    # The browser that has signed in before is known by its cookie and has a count of its own.
    assert panel.post("/login", {"email": EMAIL, "password": PASSWORD}).status_code == 303
    assert Panel(app).post("/login", {"email": EMAIL, "password": PASSWORD}).status_code == 429


def test_another_accounts_cookie_does_not_make_a_browser_known(panel: Panel, app: Flask, sqlite: Database) -> None:
    accounts.create_user(sqlite, BOB, PASSWORD)
    panel.post("/logout", form="/keys")
    codes = [panel.post("/login", {"email": BOB, "password": f"guess {n}"}).status_code for n in range(9)]
    assert codes == [422] * 8 + [429]


@pytest.mark.parametrize("path", ["/users", "/account", "/account/two-step", "/confirm"])
def test_a_stranger_sees_none_of_it(visitor: Panel, sqlite: Database, path: str) -> None:
    accounts.create_user(sqlite, EMAIL, PASSWORD)
    assert visitor.get(path).headers["Location"].startswith("/login")


def test_a_form_takes_the_password_itself_when_it_was_proved_too_long_ago(panel: Panel, sqlite: Database) -> None:
    assert "confirm_password" not in panel.get("/users").text
    _age_sessions(sqlite, minutes=70)
    assert "confirm_password" in panel.get("/users").text
    wrong = panel.post("/users", {"email": BOB, "confirm_password": "guess"}, form="/users")
    assert wrong.headers["Location"].startswith("/confirm")
    right = panel.post("/users", {"email": BOB, "confirm_password": PASSWORD}, form="/users")
    assert "/welcome?token=" in right.text
    assert "confirm_password" not in panel.get("/users").text


def test_a_forgotten_browser_cannot_send_a_stored_password_to_another_host(
    panel: Panel, sqlite: Database, app: Flask
) -> None:
    data = {
        "name": "SES", "host": "127.0.0.1", "port": "9", "encryption": "none", "username": "me", "password": "hunter2-x",
        "from_email": "hello@myapp.example", "priority": "1", "enabled": "y",
    }  # fmt: skip
    assert panel.post("/smtp/new", data, form="/keys").status_code == 303
    _age_sessions(sqlite, minutes=70)
    elsewhere = {**data, "host": "evil.example", "password": ""}
    for path in ("/smtp/1", "/smtp/1/test", "/smtp/test"):
        assert panel.post(path, elsewhere, form="/keys").headers["Location"].startswith("/confirm")
    with sqlite.read() as session:
        assert session.scalars(select(ConnectionTest)).all() == []
        kept = session.get(Provider, 1)
    assert kept is not None
    assert kept.host == "127.0.0.1"
    # What is stored may be tested at any time: its password goes where it always goes.
    assert "/smtp/tests/" in panel.post("/smtp/1/test", form="/keys").headers["Location"]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("curl/8.5.0", "curl"),
        ("my-script 1.0", "my-script 1.0"),
        ("", None),
    ],
)  # fmt: skip
def test_a_browser_has_a_name_that_its_owner_knows(agent: str, name: str | None) -> None:
    assert browser_name(agent) == name
