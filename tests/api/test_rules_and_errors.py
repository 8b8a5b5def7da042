"""What a key may do over HTTP, how often, and what every refusal looks like."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from senddock.dispatch import keys, streams
from senddock.dispatch.key_rate import KeyRate
from senddock.models import Database
from tests.api.conftest import Api
from tests.dispatch.test_what_a_key_may_do import caller

GOOD = {"from": "Us <us@example.com>", "to": ["ana@example.org"], "subject": "Hello", "text": "It works."}


def with_key(app: Flask, database: Database, **values: Any) -> tuple[FlaskClient, dict[str, str]]:
    token = keys.create(database, "shop", **values)[1]
    return app.test_client(), {"Authorization": f"Bearer {token}"}


def test_a_key_sees_the_mail_of_its_project_and_streams_only(app: Flask, database: Database) -> None:
    streams.add_project(database, "other")
    client = app.test_client()
    mine = Api(client, keys.create(database, "a")[1])
    theirs = Api(client, keys.create(database, "b", project="other")[1])
    news = Api(client, keys.create(database, "c", streams=["marketing"])[1])
    first = mine.post("/emails", GOOD)[1]["id"]
    second = theirs.post("/emails", GOOD)[1]["id"]
    third = news.post("/emails", GOOD)[1]["id"]
    for who, seen in ((mine, [third, first]), (theirs, [second]), (news, [third])):
        assert [row["id"] for row in who.call("GET", "/emails")[1]["data"]] == seen
        for message_id in (first, second, third):
            assert who.call("GET", f"/emails/{message_id}")[0] == (200 if message_id in seen else 404)
            assert who.call("GET", f"/emails/{message_id}/attempts")[0] == (200 if message_id in seen else 404)
    code, answer = news.post("/emails", {**GOOD, "stream": "transactional"})
    assert (code, answer["field"]) == (403, "stream")


def test_a_marketing_message_without_unsubscribe_is_taken_and_remarked(sqlite_api: Api) -> None:
    code, answer = sqlite_api.post("/emails", {**GOOD, "stream": "marketing"})
    assert (code, answer["warnings"][0]["name"]) == (200, "unsubscribe_missing")
    headers = {
        "List-Unsubscribe": "<https://example.com/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert list(sqlite_api.post("/emails", {**GOOD, "stream": "marketing", "headers": headers})[1]) == ["id"]


def test_requests_are_counted_and_the_fields_say_what_is_left(sqlite_app: Flask, sqlite: Database) -> None:
    client, headers = with_key(sqlite_app, sqlite, per_second=2)
    answers = [client.get("/api/emails", headers=headers) for _ in range(12)]
    refused = [one for one in answers if one.status_code == 429]
    assert refused, "twelve requests take less than six seconds"
    assert answers[0].headers["ratelimit-limit"] == "2"
    assert answers[0].headers["ratelimit-remaining"] == "1"
    assert refused[0].get_json()["name"] == "rate_limit_exceeded"
    assert refused[0].headers["retry-after"] == "1"


def test_processes_share_a_limit_through_redis_and_count_alone_without_it(redis: Redis) -> None:
    who = caller(per_second=5)
    one, other = KeyRate(redis, lambda: 1000.0), KeyRate(redis, lambda: 1000.5)
    granted = [rate.take(who).granted for _ in range(4) for rate in (one, other)]
    assert granted.count(True) == 5
    assert KeyRate(redis, lambda: 1001.0).take(who).granted
    busy = caller(key_id=2, per_second=1000)
    assert sum(rate.take(busy).granted for _ in range(700) for rate in (one, other)) == 1000
    alone = KeyRate(None, lambda: 1.0)
    assert [alone.take(who).granted for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize(
    ("method", "path", "options", "code", "name"),
    [
        ("POST", "/emails", {"data": b"{", "content_type": "application/json"}, 400, "validation_error"),
        ("POST", "/emails", {"data": b'{"to":"\xff"}'}, 400, "validation_error"),
        ("POST", "/emails", {"data": b'{"to":"\\ud800"}'}, 400, "validation_error"),
        ("POST", "/emails", {"data": b"[" * 5000}, 422, "validation_error"),
        ("POST", "/emails", {"data": b"to=a", "content_type": "application/x-www-form-urlencoded"}, 415, None),
        ("POST", "/emails", {"json": GOOD, "headers": {"Content-Encoding": "gzip"}}, 415, None),
        ("POST", "/emails", {"json": GOOD, "headers": {"Idempotency-Key": "k" * 257}}, 400, "invalid_idempotency_key"),
        ("POST", "/emails", {"json": {"subject": "x", "text": "y"}}, 422, "missing_required_field"),
        ("POST", "/emails", {"json": {**GOOD, "from": "nobody"}}, 422, "invalid_from_address"),
        ("POST", "/emails", {"json": {**GOOD, "attachments": [{"filename": "a"}]}}, 422, "invalid_attachment"),
        ("POST", "/emails", {"json": {**GOOD, "expires_at": "2020-01-01"}}, 422, "validation_error"),
        ("POST", "/emails/batch", {"json": []}, 422, "validation_error"),
        ("POST", "/emails/batch", {"json": {}}, 422, "validation_error"),
        ("POST", "/emails/batch", {"json": [5]}, 422, "validation_error"),
        ("GET", "/emails?limit=101", {}, 422, "validation_error"),
        ("GET", "/emails?limit=1&limit=2", {}, 422, "validation_error"),
        ("GET", "/emails?after=x", {}, 422, "invalid_parameter"),
        ("GET", "/emails/metrics", {}, 404, "not_found"),
        ("GET", "/domains", {}, 404, "not_found"),
        ("GET", "", {}, 404, "not_found"),
        ("PUT", "/emails", {}, 405, "method_not_allowed"),
        ("POST", "/emails", {"data": b"x" * 1_000_001}, 413, "validation_error"),
    ],
)
def test_every_refusal_is_flat_json_with_a_name_of_the_sdks(
    sqlite_app: Flask, sqlite: Database, method: str, path: str, options: dict[str, Any], code: int, name: str | None
) -> None:
    sqlite_app.config["MAX_CONTENT_LENGTH"] = 1_000_000
    client, headers = with_key(sqlite_app, sqlite)
    given = {**options, "headers": {**headers, **options.get("headers", {})}}
    answer = client.open("/api" + path, method=method, **given)
    body = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (code, "application/json"), body
    assert (body["statusCode"], body["name"]) == (code, name or "validation_error")
    assert len(body["message"]) > 15
    if code == 405:
        assert "POST" in answer.headers["Allow"]


def test_a_defect_is_answered_without_its_text_and_found_by_its_id(
    sqlite_app: Flask, sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    client, headers = with_key(sqlite_app, sqlite)
    assert client.post("/api/emails", json=GOOD, headers=headers).status_code == 200
    with sqlite.transaction() as connection:
        connection.exec_driver_sql("UPDATE content SET meta = '5'")
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/emails", headers=headers)
    body = answer.get_json()
    assert (answer.status_code, body["name"]) == (500, "internal_server_error")
    assert "get" not in body["message"]
    assert body["request_id"] in caplog.text


def test_a_late_one_time_password_expires_instead_of_leaving(sqlite_api: Api, sqlite: Database) -> None:
    message_id = sqlite_api.post("/emails", {**GOOD, "scheduled_at": "in 1 minute", "expires_at": "in 2 minutes"})[1][
        "id"
    ]
    _, shown = sqlite_api.call("GET", f"/emails/{message_id}")
    lasts = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=60) < lasts <= timedelta(seconds=121)
    code, answer = sqlite_api.call("PATCH", f"/emails/{message_id}", json={"scheduled_at": "in 3 minutes"})
    assert (code, answer["field"]) == (422, "scheduled_at")


def test_names_of_very_old_sdks_are_understood(sqlite_api: Api) -> None:
    old = {**GOOD, "replyTo": "r@example.com", "scheduledAt": "in 1 hour"}
    message_id = sqlite_api.post("/emails", {**old, "react": {}, "topic_id": None, "cc": None})[1]["id"]
    _, shown = sqlite_api.call("GET", f"/emails/{message_id}")
    assert (shown["reply_to"], shown["last_event"], shown["cc"]) == (["r@example.com"], "scheduled", None)


def test_the_description_is_a_page_for_people_too(sqlite_app: Flask) -> None:
    client = sqlite_app.test_client()
    assert client.get("/api/openapi.json").get_json()["openapi"] == "3.1.0"
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert "scheduled_at" in page.text
    assert "<script>" not in page.text
    assert "style=" not in page.text
