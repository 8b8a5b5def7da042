"""What a key may do over HTTP, how often, and what every refusal looks like."""

import dataclasses
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import select

from senddock.api.help import Topic, help_about, topic_of
from senddock.dispatch import keys, providers, streams
from senddock.dispatch.key_rate import KeyRate
from senddock.domain.catalogue.guide_book import guide_book
from senddock.models import Content, Database
from senddock.secrets.vault import Vault
from tests.api.conftest import Api
from tests.conftest import Bench
from tests.dispatch.test_what_a_key_may_do import caller
from tests.smtp_server import reply

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


UNSUBSCRIBE = {
    "List-Unsubscribe": "<https://example.com/u/1>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}


def remarks(answer: dict[str, Any]) -> list[str]:
    return [one["name"] for one in answer.get("warnings", ())]


def test_what_receivers_will_not_like_is_taken_and_remarked_with_a_guide(
    sqlite_api: Api, sqlite: Database, vault: Vault
) -> None:
    assert remarks(sqlite_api.post("/emails", GOOD)[1]) == ["no_provider"]
    values = {"name": "one", "host": "smtp.example.com", "port": 587, "encryption": "starttls"}
    providers.add(sqlite, vault, {**values, "from_email": "us@example.com", "from_policy": "own"}, None)
    fresh = sqlite_api._client.application.extensions["senddock_api"].advice
    fresh._read_at = -60.0
    answer = sqlite_api.post("/emails", {**GOOD, "stream": "marketing"})[1]
    assert remarks(answer) == ["unsubscribe_missing"]
    assert answer["warnings"][0]["guide"] == "http://localhost/guides/deliverability#reputation"
    for change in ({}, {"stream": "marketing", "headers": UNSUBSCRIBE}, {"from": None}):
        assert list(sqlite_api.post("/emails", {**GOOD, **change})[1]) == ["id"]
    assert remarks(sqlite_api.post("/emails", {**GOOD, "from": "noreply@example.com"})[1]) == [
        "from_no_reply",
        "from_name",
    ]
    code, batch = sqlite_api.post("/emails/batch", [GOOD, {**GOOD, "from": "Us <us@gmail.com>"}])
    assert (code, [remarks(one) for one in batch["data"]]) == (200, [[], ["from_public_mailbox", "from_refused"]])
    story = sqlite_api._client.application.extensions["senddock"].database
    with story.read() as session:
        kept = session.scalars(select(Content.meta).where(Content.message_id == batch["data"][1]["id"])).one()
    assert next(one["guide"] for one in kept["warnings"]) == "from-address#from-address"


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
    services = sqlite_app.extensions["senddock_api"]
    sqlite_app.extensions["senddock_api"] = dataclasses.replace(services, max_body=1_000_000)
    client, headers = with_key(sqlite_app, sqlite)
    given = {**options, "headers": {**headers, **options.get("headers", {})}}
    answer = client.open("/api" + path, method=method, **given)
    body = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (code, "application/json"), body
    assert (body["statusCode"], body["name"]) == (code, name or "validation_error")
    assert len(body["message"]) > 15
    assert len(body["hint"]) > 20
    assert len(body["next_step"]) > 20
    assert body["guide"].startswith("http://localhost/guides/http-api#")
    if code == 405:
        assert "POST" in answer.headers["Allow"]


def test_every_topic_of_help_is_a_section_of_the_guide() -> None:
    guide = guide_book()["http-api"].text
    for topic in Topic:
        told = help_about(topic)
        assert (told.hint[-1], told.next_step[-1], told.guide) == (".", ".", f"http-api#{topic}")
        assert f"{{#{topic}}}" in guide


@pytest.mark.parametrize(
    ("status", "name", "field", "topic"),
    [
        (403, "validation_error", "from", Topic.SENDER),
        (403, "invalid_api_key", None, Topic.KEYS),
        (401, "restricted_api_key", None, Topic.SCOPES),
        (403, "validation_error", None, Topic.SCOPES),
        (429, "rate_limit_exceeded", None, Topic.LIMITS),
        (409, "invalid_idempotent_request", None, Topic.IDEMPOTENCY),
        (422, "validation_error", "reply_to", Topic.RECIPIENTS),
        (404, "not_found", "stream", Topic.STREAMS),
        (503, "application_error", None, Topic.STORAGE),
        (418, "application_error", None, None),
    ],
)
def test_help_is_about_the_cause(status: int, name: str, field: str | None, topic: Topic | None) -> None:
    assert topic_of(status, name, field) is topic


def test_a_refused_recipient_is_explained_with_the_message_and_with_its_attempts(
    sqlite_api: Api, sqlite_bench: Bench, smtp_server: Any
) -> None:
    sqlite_bench.provider(smtp_server({"rcpt": reply("550 5.1.1 User unknown")}).port)
    message_id = sqlite_api.post("/emails", GOOD)[1]["id"]
    sqlite_bench.engine.drain()
    (delivery,) = sqlite_api.call("GET", f"/emails/{message_id}")[1]["deliveries"]
    assert (delivery["status"], delivery["class"]) == ("failed", "recipient_permanent")
    (attempt,) = sqlite_api.call("GET", f"/emails/{message_id}/attempts")[1]["data"]
    for told in (delivery["help"], attempt["help"]):
        assert (told["happened"][-1], told["guide"]) == (".", "/guides/troubleshooting#recipient-permanent")


def test_what_cannot_be_canceled_any_more_is_explained(sqlite_api: Api) -> None:
    message_id = sqlite_api.post("/emails", GOOD)[1]["id"]
    assert sqlite_api.call("POST", f"/emails/{message_id}/cancel")[0] == 200
    code, answer = sqlite_api.call("POST", f"/emails/{message_id}/cancel")
    assert (code, answer["guide"].partition("#")[2]) == (422, "state")


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
