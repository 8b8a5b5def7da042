"""Numbers that no id and no field can be, in addresses and in forms: a page that tells it, and never a failure of ours."""

import pytest

from senddock.dispatch import routes
from senddock.models import Database
from tests.conftest import Bench
from tests.web.conftest import Panel

STRANGE = ["9" * 30, str(2**63), str(2**31), "²", "-1"]


@pytest.mark.parametrize("number", [text for text in STRANGE if text != str(2**31)])
def test_the_page_of_a_number_that_cannot_be_is_not_found(panel: Panel, number: str) -> None:
    gone = [f"/smtp/{number}", f"/smtp/{number}/delete", f"/routing/streams/{number}", f"/routing/experiments/{number}",
            f"/webhooks/{number}"]  # fmt: skip
    assert {path: panel.get(path).status_code for path in gone} == dict.fromkeys(gone, 404)
    posted = [
        f"/smtp/{number}/{step}" for step in ("default", "resume", "up", "down", "disable", "duplicate", "delete")
    ]
    posted += [f"/keys/{number}/revoke", f"/users/{number}/disable", f"/alerts/{number}/acknowledge",
               f"/routing/streams/{number}/settings", f"/routing/streams/{number}/routes", f"/rules/{number}/remove",
               f"/domains/example.com/providers/{number}"]  # fmt: skip
    assert {path: panel.post(path).status_code for path in posted} == dict.fromkeys(posted, 404)


@pytest.mark.parametrize("number", STRANGE)
def test_a_query_with_a_number_that_cannot_be_is_a_query_without_it(panel: Panel, number: str) -> None:
    for path, name in (
        ("/logs", "provider"), ("/logs", "key"), ("/logs", "stream"), ("/suppressions", "before"),
        ("/suppressions/export.csv", "project"), ("/statistics", "provider"), ("/domains", "provider"),
    ):  # fmt: skip
        assert panel.get(path, query={name: number}).status_code == 200, path
    assert panel.get("/routing/simulate", query={"to": "a@b.de", "stream": number, "size": number}).status_code < 500
    assert panel.get("/rules/new", query={"message": "x", "attempt": number}).status_code == 404


@pytest.mark.parametrize("number", STRANGE)
def test_a_form_with_a_number_that_cannot_be_changes_nothing(
    panel: Panel, mail: Bench, sqlite: Database, number: str
) -> None:
    mail.provider(2525)
    with sqlite.read() as session:
        before = [(order.own, list(order.routes)) for order in routes.orders(session)]
    for path, data in (
        ("/routing/experiments", {"name": "x", "stream": number, "share-1": "50"}),
        ("/routing/experiments", {"name": "x", "stream": "1", "share-1": number, "days": number, "minimum": number}),
        ("/routing/experiments", {"name": "x", "stream": "1", f"share-{number}": "50"}),
        ("/routing/streams/1/routes", {"provider": number, "op": "up:" + number}),
        ("/routing/streams/1/settings", {"max_age_seconds": number, "patience_seconds": number}),
        ("/suppressions/remove", {"address": "a@b.de", "project": number}),
        ("/smtp/order", {"id": number}),
        ("/rules", {"pattern": "no way", "verdict_class": "content_rejected", "message": "x", "attempt": number}),
    ):
        assert panel.post(path, data).status_code < 500, (path, data)
    with sqlite.read() as session:
        assert [(order.own, list(order.routes)) for order in routes.orders(session)] == before


@pytest.mark.parametrize("text", ["\0", "a\0b"])
def test_nul_is_refused_before_any_page_looks_at_it(panel: Panel, visitor: Panel, text: str) -> None:
    for path in ("/logs", "/suppressions", "/statistics", "/jump"):
        assert panel.get(path, query={"text": text, "q": text}).status_code == 400
    assert panel.get(f"/domains/{text}").status_code == 400
    for path, field in (("/keys", "name"), ("/routing/projects", "name"), ("/rules", "message")):
        assert panel.post(path, {field: text}).status_code == 400
    assert visitor.post("/login", {"email": text, "password": text}).status_code == 400


def test_a_setting_that_is_no_number_is_not_called_saved(panel: Panel, mail: Bench) -> None:
    panel.post("/routing/streams/1/settings", {"max_age_seconds": "a while"})
    page = panel.read("/routing/streams/1")
    assert "Give a whole number" in page
    assert "Saved." not in page


def test_a_limit_beyond_what_is_stored_is_refused_in_the_form(panel: Panel, mail: Bench) -> None:
    number = mail.provider(2525)
    for amount in (str(2**31), "9" * 30):
        answer = panel.post(f"/smtp/{number}", {"name": "A", "host": "127.0.0.1", "port": "2525", "encryption": "none",
                                        "from_email": "us@example.com", "priority": "1", "per_day": amount,
                                        "confirm_password": "a long enough sentence"})  # fmt: skip
        assert answer.status_code == 422
        assert "2,147,483,647" in answer.text
