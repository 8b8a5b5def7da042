"""`POST /api/emails`: what is accepted is on disk; what is refused is refused clearly and stores nothing."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from senddock.dispatch import keys
from senddock.dispatch.wake import PENDING
from senddock.models import ApiKey, Content, Database, Message
from tests.api.conftest import Api

GOOD = {"from": "Us <us@example.com>", "to": ["ana@example.org"], "subject": "Hello", "text": "It works."}


def stored(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


def raw(database: Database) -> bytes:
    with database.read() as session:
        return bytes(session.scalars(select(Content.raw)).one())


def test_it_answers_with_an_id_and_wakes_one_worker(api: Api, database: Database, redis: Any) -> None:
    code, answer = api.post("/emails", GOOD)
    assert code == 200
    assert answer["id"][14] == "7", "ids are UUIDv7"
    assert stored(database) == 1
    assert redis.exists(PENDING)
    api.post("/emails", GOOD)
    assert redis.llen("rq:queue:senddock") == 1, "one wake-up waits, however many messages"


def test_from_may_be_left_out(api: Api, database: Database) -> None:
    assert api.post("/emails", {key: value for key, value in GOOD.items() if key != "from"})[0] == 200
    assert b"\r\nFrom:" not in raw(database)


@pytest.mark.parametrize(
    "shape",
    [base64.b64encode(b"\0\1\xff").decode(), [0, 1, 255], {"type": "Buffer", "data": [0, 1, 255]}],
    ids=["base64", "integers", "buffer"],
)
def test_attachment_content_comes_in_three_shapes(api: Api, database: Database, shape: Any) -> None:
    body = {**GOOD, "attachments": [{"filename": "a.bin", "content": shape, "content_type": "application/x; v=1"}]}
    assert api.post("/emails", body)[0] == 200
    assert base64.b64encode(b"\0\1\xff") in raw(database)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": "ana@example.org\r\nBcc: eve@example.org"}, "to"),
        ({"from": "Us <us@example.com>\nX: y"}, "from"),
        ({"subject": "Hello\r\nBcc: eve@example.org"}, "subject"),
        ({"reply_to": "a@b.de\n"}, "reply_to"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "headers"),
        ({"headers": {"X-A\r\nX-B": "1"}}, "headers"),
        ({"headers": {"Bcc": "eve@example.org"}}, "headers"),
        ({"attachments": [{"filename": "a\r\nX: y", "content": ""}]}, "attachments"),
        ({"attachments": [{"filename": "a", "content": "", "content_type": "text/plain\r\nX: y"}]}, "attachments"),
        ({"attachments": [{"filename": "a", "content": "", "content_id": "x>\r\nX: y"}]}, "attachments"),
        ({"attachments": [{"filename": "a", "content": "%%%"}]}, "attachments"),
        ({"attachments": [{"filename": "a", "content": [256]}]}, "attachments"),
        ({"attachments": [{"path": "https://example.com/a"}]}, "attachments"),
        ({"to": [f"p{number}@example.org" for number in range(100)]}, "to"),
        ({"to": []}, "to"),
        ({"to": 5}, "to"),
        ({"to": [["a@b.de"]]}, "to"),
        ({"to": "not an address"}, "to"),
        ({"subject": None}, "subject"),
        ({"subject": ["x"]}, "subject"),
        ({"text": None}, "text"),
        ({"text": {"a": 1}}, "text"),
        ({"tags": [{"name": "a b"}]}, "tags"),
        ({"tags": [{"name": "a\n"}]}, "tags"),
        ({"tags": [{"name": "a", "value": "b\n"}]}, "tags"),
        ({"to": "ana@[IPv6:nonsense]"}, "to"),
        ({"to": "ana\u2028@example.org"}, "to"),
        ({"from": "us@example.com\u200b"}, "from"),
        ({"tags": "x"}, "tags"),
        ({"headers": ["x"]}, "headers"),
        ({"scheduled_at": "tomorrow at nine"}, "scheduled_at"),
        ({"scheduled_at": "in 99 days"}, "scheduled_at"),
        ({"template": {"id": "x"}}, "template"),
        ({"stream": 5}, "stream"),
    ],
)
def test_bad_input_is_refused_by_field_and_stores_nothing(
    sqlite_api: Api, sqlite: Database, change: dict[str, Any], field: str
) -> None:
    code, answer = sqlite_api.post("/emails", {**GOOD, **change})
    assert code == 422, answer
    assert answer["statusCode"] == 422
    assert answer["field"] == field
    assert len(answer["message"]) > 15
    assert stored(sqlite) == 0


@pytest.mark.parametrize("body", [[], "x", 5, None, [GOOD]])
def test_a_body_that_is_no_object_is_refused(api: Api, database: Database, body: Any) -> None:
    assert api.post("/emails", body)[0] in (400, 422)
    assert stored(database) == 0


def test_an_unknown_stream_is_named(api: Api) -> None:
    code, answer = api.post("/emails", {**GOOD, "stream": "newsletters"})
    assert code == 404
    assert "transactional" in answer["message"]


def test_international_addresses_are_taken(api: Api, database: Database) -> None:
    assert api.post("/emails", {**GOOD, "to": "jörg@müller.de"})[0] == 200
    with database.read() as session:
        assert session.scalars(select(Message.needs_smtputf8)).one() is True


def test_an_idempotency_key_is_answered_once_and_refused_for_another_body(api: Api, database: Database) -> None:
    first = api.post("/emails", GOOD, Idempotency_Key="k1")
    assert api.post("/emails", GOOD, Idempotency_Key="k1") == first
    code, answer = api.post("/emails", {**GOOD, "subject": "Other"}, Idempotency_Key="k1")
    assert (code, answer["name"]) == (409, "invalid_idempotent_request")
    assert api.post("/emails", GOOD, Idempotency_Key="")[0] == 400
    assert stored(database) == 1


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 5000])
def test_a_number_no_machine_holds_is_ignored_like_every_unknown_member(
    api: Api, database: Database, number: str
) -> None:
    data = json.dumps(GOOD)[:-1] + f', "unread": {number}}}'
    first = api.call("POST", "/emails", data=data, headers={"Idempotency-Key": "k1"})
    assert first[0] == 200
    assert api.call("POST", "/emails", data=data, headers={"Idempotency-Key": "k1"}) == first
    assert api.call("POST", "/emails", data=data + " ", headers={"Idempotency-Key": "k1"})[0] == 409
    assert stored(database) == 1


@pytest.mark.parametrize("field", ["from", "to", "cc", "bcc", "reply_to"])
def test_an_address_may_name_a_machine_instead_of_a_domain(api: Api, database: Database, field: str) -> None:
    assert api.post("/emails", {**GOOD, field: "ana@[IPv6:2001:db8::1]"})[0] == 200
    assert stored(database) == 1


def test_a_batch_is_all_or_nothing_when_strict_and_the_good_ones_when_permissive(api: Api, database: Database) -> None:
    bad = {**GOOD, "to": "nobody"}
    code, answer = api.post("/emails/batch", [GOOD, bad])
    assert (code, answer["index"]) == (422, 1)
    assert stored(database) == 0
    code, answer = api.post("/emails/batch", [GOOD, bad, GOOD], x_batch_validation="permissive")
    assert (code, len(answer["data"]), answer["errors"][0]["index"]) == (200, 2, 1)
    assert stored(database) == 2
    assert api.post("/emails/batch", [GOOD] * 101)[0] == 422


def test_a_scheduled_message_can_be_moved_and_canceled_once(api: Api) -> None:
    message_id = api.post("/emails", {**GOOD, "scheduled_at": "in 1 hour"})[1]["id"]
    assert api.call("GET", f"/emails/{message_id}")[1]["last_event"] == "scheduled"
    assert api.call("PATCH", f"/emails/{message_id}", json={"scheduled_at": "in 2 days"})[0] == 200
    headers = {"content_type": "application/json"}
    assert api.call("POST", f"/emails/{message_id}/cancel", data=b"", **headers)[0] == 200
    assert api.call("GET", f"/emails/{message_id}")[1]["last_event"] == "canceled"
    assert api.call("POST", f"/emails/{message_id}/cancel")[0] == 422


def test_one_message_and_the_list_have_the_shape_of_the_sdks(api: Api) -> None:
    ids = [
        api.post("/emails", {**GOOD, "html": "<p>Hi</p>", "tags": [{"name": "a", "value": "b"}]})[1]["id"]
        for _ in "abc"
    ]
    _, one = api.call("GET", f"/emails/{ids[0]}", json={})
    assert one["object"] == "email"
    assert (one["to"], one["cc"], one["html"], one["text"]) == (["ana@example.org"], None, "<p>Hi</p>", "It works.")
    assert one["tags"] == [{"name": "a", "value": "b"}]
    assert one["created_at"].endswith("Z")
    _, page = api.call("GET", "/emails?limit=2")
    assert ([row["id"] for row in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    _, rest = api.call("GET", f"/emails?limit=2&after={ids[1]}")
    assert ([row["id"] for row in rest["data"]], rest["has_more"]) == ([ids[0]], False)
    assert api.call("GET", "/emails?limit=0")[0] == 422


@pytest.mark.parametrize(
    ("header", "code", "name"),
    [
        (None, 401, "missing_api_key"),
        ("Bearer None", 401, "missing_api_key"),
        ("Basic abc", 401, "missing_api_key"),
        ("Bearer sd_unknown", 403, "invalid_api_key"),
    ],
)
def test_without_a_known_key_nothing_is_read(app: Flask, header: str | None, code: int, name: str) -> None:
    answer = app.test_client().post("/api/emails", json=GOOD, headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.get_json()["name"], answer.get_json()["statusCode"]) == (code, name, code)


def test_a_sending_key_sends_and_does_nothing_else(app: Flask, database: Database) -> None:
    sending = Api(app.test_client(), keys.create(database, "form", scope="sending", from_domains=["example.com"])[1])
    assert sending.post("/emails", GOOD)[0] == 200
    assert sending.call("GET", "/emails")[1]["name"] == "restricted_api_key"
    assert sending.post("/emails", {**GOOD, "from": "a@other.net"})[0] == 403


def test_a_revoked_or_expired_key_ends(app: Flask, database: Database) -> None:
    key, token = keys.create(database, "old")
    keys.revoke(database, key.id)
    assert Api(app.test_client(), token).post("/emails", GOOD)[0] == 403
    made, late = keys.create(database, "late", expires_at=datetime.now(UTC) + timedelta(hours=1))
    with database.write() as session:
        session.execute(update(ApiKey).where(ApiKey.id == made.id).values(expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert Api(app.test_client(), late).post("/emails", GOOD)[0] == 403
    _, elsewhere = keys.create(database, "net", networks=["10.0.0.0/8"])
    assert Api(app.test_client(), elsewhere).post("/emails", GOOD)[0] == 403


@pytest.mark.parametrize(
    ("method", "path", "code", "name"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("DELETE", "/emails", 405, "method_not_allowed"),
        ("GET", "/emails/0197-not-an-id", 404, "not_found"),
    ],
)
def test_every_error_is_flat_json(api: Api, method: str, path: str, code: int, name: str) -> None:
    got, answer = api.call(method, path)
    assert (got, answer["statusCode"], answer["name"]) == (code, code, name)


def test_a_message_of_another_project_is_not_found(app: Flask, api: Api, database: Database) -> None:
    from senddock.dispatch import streams

    message_id = api.post("/emails", GOOD)[1]["id"]
    streams.add_project(database, "other")
    other = Api(app.test_client(), keys.create(database, "b", project="other")[1])
    assert other.call("GET", f"/emails/{message_id}")[0] == 404
    assert other.call("POST", f"/emails/{message_id}/cancel")[0] == 404


def test_a_database_that_takes_no_writes_is_said_and_nothing_is_stored(
    api: Api, app: Flask, database: Database, tmp_path: Any
) -> None:
    assert api.post("/emails", GOOD)[0] == 200
    services = app.extensions["senddock"]
    with services.database.engine.connect() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql(
                "ALTER DATABASE " + str(connection.engine.url.database) + " SET default_transaction_read_only = on"
            )
            connection.commit()
    if database.is_sqlite:
        from sqlalchemy import event

        def read_only(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA query_only=ON")

        event.listen(services.database.engine, "connect", read_only)
    services.database.engine.dispose()
    code, answer = api.post("/emails", GOOD)
    assert (code, answer["name"]) == (503, "application_error")
    assert "not stored" in answer["message"]
    assert stored(database) == 1
