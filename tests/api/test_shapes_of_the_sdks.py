"""Every shape of a submission that SDKs send (their wire traffic was recorded), and what becomes of it."""

import email
import email.policy
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from senddock.content.headers import RESERVED
from senddock.dispatch import mailing
from senddock.models import Content, Database, Delivery, IdempotencyRecord
from tests.api.conftest import Api

GOOD = {"from": "Us <us@example.com>", "to": "ana@example.org", "subject": "Hello", "text": "It works."}


def sent(api: Api, database: Database, **values: Any) -> Any:
    """The message as it was stored, read by the standard library."""
    code, answer = api.post("/emails", {**GOOD, **values})
    assert code == 200, answer
    with database.read() as session:
        raw = session.scalars(select(Content.raw).where(Content.message_id == answer["id"])).one()
    return email.message_from_bytes(bytes(raw), policy=email.policy.default)


@pytest.mark.parametrize("field", ["to", "cc", "bcc", "reply_to"])
def test_addresses_are_one_text_a_list_or_nothing(sqlite_api: Api, sqlite: Database, field: str) -> None:
    for given, found in (
        ("b@example.org", ["b@example.org"]),
        (["b@example.org", "Cleo <c@example.org>"], ["b@example.org", "Cleo <c@example.org>"]),
        (None, None),
        ([], None),
    ):
        if field == "to" and not given:
            continue
        code, answer = sqlite_api.post("/emails", {**GOOD, field: given})
        assert code == 200, answer
        shown = sqlite_api.call("GET", f"/emails/{answer['id']}")[1]
        assert shown[field] == found, "absent lists are null in Resend's types"
        assert shown["to"] == (found if field == "to" else ["ana@example.org"])


def test_fifty_recipients_are_counted_over_to_cc_and_bcc(sqlite_api: Api, sqlite: Database) -> None:
    people = [f"p{number}@example.org" for number in range(51)]
    spread = {"to": people[:20], "cc": people[20:40], "bcc": people[40:50]}
    message = sent(sqlite_api, sqlite, **spread)
    assert "bcc" not in message
    with sqlite.read() as session:
        assert sorted(session.scalars(select(Delivery.recipient))) == sorted(people[:50])
    code, answer = sqlite_api.post("/emails", {**GOOD, **spread, "bcc": people[40:]})
    assert (code, "51 recipients" in answer["message"]) == (422, True)


def test_text_is_made_from_html_unless_it_is_empty(sqlite_api: Api, sqlite: Database) -> None:
    made = sent(sqlite_api, sqlite, text=None, html="<p>Hi <b>Ana</b></p>")
    assert made.get_content_type() == "multipart/alternative"
    assert made.get_body(("plain",)).get_content().strip() == "Hi Ana"
    assert sent(sqlite_api, sqlite, text="", html="<p>Hi</p>").get_content_type() == "text/html"


@pytest.mark.parametrize("name", sorted(RESERVED | {"Content-Language", "MIME-Version", "BCC"}))
def test_fields_with_a_member_of_their_own_cannot_be_set(sqlite_api: Api, name: str) -> None:
    code, answer = sqlite_api.post("/emails", {**GOOD, "headers": {name: "x"}})
    assert (code, answer["field"]) == (422, "headers")


def test_headers_of_ones_own_travel_and_date_and_message_id_are_added(sqlite_api: Api, sqlite: Database) -> None:
    message = sent(sqlite_api, sqlite, headers={"X-Order": "4711", "List-Unsubscribe": "<https://example.com/u>"})
    assert (message["x-order"], message["list-unsubscribe"]) == ("4711", "<https://example.com/u>")
    assert message["message-id"].endswith("@example.com>")
    assert message["date"].datetime is not None


@pytest.mark.parametrize("filename", [None, False, "", "a.bin"])
def test_a_file_needs_no_name(sqlite_api: Api, sqlite: Database, filename: Any) -> None:
    message = sent(sqlite_api, sqlite, attachments=[{"content": "AAH/", "filename": filename}])
    (attached,) = message.iter_attachments()
    assert (attached.get_content(), attached.get_filename()) == (b"\0\1\xff", filename or None)


@pytest.mark.parametrize("member", ["content_id", "inline_content_id", "contentId"])
def test_inline_images_have_three_names_for_their_id(sqlite_api: Api, sqlite: Database, member: str) -> None:
    image = {"content": "AAH/", "filename": "l.png", member: "logo", "content_type": 'image/png; name="l.png"'}
    message = sent(sqlite_api, sqlite, html="<img src=cid:logo>", attachments=[image])
    (part,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert (part["content-id"], part.get_content_disposition()) == ("<logo>", "inline")


def test_the_limit_of_a_message_counts_after_decoding(
    sqlite_api: Api, sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "MAX_MESSAGE_BYTES", 10_000)
    sent(sqlite_api, sqlite, attachments=[{"content": [255] * 5_000}])
    code, answer = sqlite_api.post("/emails", {**GOOD, "attachments": [{"content": [255] * 9_000}]})
    assert (code, answer["name"]) == (422, "invalid_attachment")


def test_tags_need_no_value(sqlite_api: Api) -> None:
    answer = sqlite_api.post("/emails", {**GOOD, "tags": [{"name": "a"}, {"name": "b", "value": "c-1_D"}]})[1]
    shown = sqlite_api.call("GET", f"/emails/{answer['id']}")[1]
    assert shown["tags"] == [{"name": "a", "value": ""}, {"name": "b", "value": "c-1_D"}]


def test_a_batch_takes_attachments_and_times_too(sqlite_api: Api, sqlite: Database) -> None:
    batch = [{**GOOD, "scheduled_at": "in 1 hour"}, {**GOOD, "attachments": [{"content": "AAH/", "filename": "a"}]}]
    later, filed = (row["id"] for row in sqlite_api.post("/emails/batch", batch)[1]["data"])
    assert sqlite_api.call("GET", f"/emails/{later}")[1]["last_event"] == "scheduled"
    with sqlite.read() as session:
        assert b"AAH/" in bytes(session.scalars(select(Content.raw).where(Content.message_id == filed)).one())
    assert sqlite_api.post("/emails/batch", [GOOD], x_batch_validation="permissive")[1]["errors"] == []


def test_the_email_object_has_the_members_of_theirs(sqlite_api: Api) -> None:
    message_id = sqlite_api.post("/emails", GOOD)[1]["id"]
    theirs = {
        "object", "id", "message_id", "from", "to", "cc", "bcc", "reply_to", "subject", "html", "text", "created_at",
        "scheduled_at", "last_event", "tags", "topic_id",
    }  # fmt: skip
    one = sqlite_api.call("GET", f"/emails/{message_id}")[1]
    assert theirs <= set(one)
    assert (one["object"], one["last_event"], one["topic_id"], one["scheduled_at"]) == ("email", "queued", None, None)
    (row,) = sqlite_api.call("GET", "/emails")[1]["data"]
    assert set(row) == theirs - {"object", "html", "text", "tags", "topic_id"}


def test_an_idempotency_key_belongs_to_its_address_and_ends_after_a_day(sqlite_api: Api, sqlite: Database) -> None:
    first = sqlite_api.post("/emails/batch", [GOOD, GOOD], Idempotency_Key="k")
    assert sqlite_api.post("/emails/batch", [GOOD, GOOD], Idempotency_Key="k") == first
    assert sqlite_api.post("/emails/batch", [GOOD], Idempotency_Key="k")[0] == 409
    assert sqlite_api.post("/emails", GOOD, Idempotency_Key="k")[0] == 200
    assert sqlite_api.post("/emails", {**GOOD, "to": "nobody"}, Idempotency_Key="n")[0] == 422
    assert sqlite_api.post("/emails", GOOD, Idempotency_Key="n")[0] == 200, "a refusal is not remembered"
    with sqlite.write() as session:
        row = session.scalars(select(IdempotencyRecord).where(IdempotencyRecord.key == "n")).one()
        session.execute(
            update(IdempotencyRecord)
            .where(IdempotencyRecord.key == "n")
            .values(created_at=row.created_at.replace(year=row.created_at.year - 1))
        )
    assert sqlite_api.post("/emails", {**GOOD, "subject": "Another day"}, Idempotency_Key="n")[0] == 200


@pytest.mark.parametrize("path", ["/api//emails", "/api/emails/", "/api///emails//"])
def test_other_spellings_of_the_address_are_answered_without_a_redirect(
    sqlite_app: Flask, sqlite_api: Api, path: str
) -> None:
    # 301 and 302 turn a POST into a GET, and a list into a "success".
    answer = sqlite_app.test_client().post(f"http://localhost{path}", json=GOOD, headers=sqlite_api._headers)
    assert (answer.status_code, "id" in answer.get_json()) == (200, True)


@pytest.mark.parametrize(
    "path",
    ["/domains", "/api-keys", "/webhooks", "/audiences", "/broadcasts", "/contacts", "/templates", "/logs", "/x/y"],
)
def test_what_is_not_served_is_json_too(sqlite_api: Api, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        code, answer = sqlite_api.call(method, path, json={})
        assert (code, answer["name"], answer["statusCode"]) == (404, "not_found", 404)
