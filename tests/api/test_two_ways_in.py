"""Submissions are answered before Flask; the same address with a slash goes through it, and has to say the same."""

import dataclasses
import io
import json
import re
from typing import Any

import pytest
from flask import Flask

from senddock.dispatch import keys
from senddock.models import Database

GOOD = {"from": "Us <us@example.com>", "to": "ana@example.org", "subject": "Hello", "text": "It works."}


@pytest.mark.parametrize(
    ("path", "body", "headers", "code"),
    [
        ("/api/emails", GOOD, {}, 200),
        ("/api/emails", GOOD, {"Idempotency-Key": "one"}, 200),
        ("/api/emails", GOOD, {"Idempotency-Key": ""}, 400),
        ("/api/emails", GOOD, {"Authorization": ""}, 401),
        ("/api/emails", GOOD, {"Authorization": "Bearer sd_wrong"}, 403),
        ("/api/emails", {**GOOD, "to": "nobody"}, {}, 422),
        ("/api/emails", GOOD, {"Content-Type": "text/plain"}, 415),
        ("/api/emails", {**GOOD, "text": "x" * 70_000}, {}, 413),
        ("/api/emails", GOOD, {"X-SendDock-Stream": "nothing"}, 404),
        ("/api/emails/batch", [GOOD, GOOD], {}, 200),
        ("/api/emails/batch", [GOOD, {}], {"x-batch-validation": "permissive"}, 200),
        ("/api/emails/batch", [GOOD, {}], {}, 422),
        ("/api/emails/batch", GOOD, {}, 422),
    ],
)
def test_both_ways_give_the_same_answer(
    sqlite_app: Flask, sqlite: Database, path: str, body: Any, headers: dict[str, str], code: int
) -> None:
    services = sqlite_app.extensions["senddock_api"]
    sqlite_app.extensions["senddock_api"] = dataclasses.replace(services, max_body=65_536)
    token = keys.create(sqlite, "shop", per_second=100_000)[1]
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    answers = [
        sqlite_app.test_client().post(path + end, data=json.dumps(body), headers=given) for end in ("", "/", "", "/")
    ]
    # The second pair shows what a repeated request gets.
    for short, long in (answers[:2], answers[2:]):
        assert (short.status_code, long.status_code) == (code, code)
        assert _without_ids(short.text) == _without_ids(long.text)
        told = [{name: value for name, value in one.headers if name != "ratelimit-remaining"} for one in (short, long)]
        if "Idempotency-Key" not in headers:
            assert told[0] == told[1]
    if headers.get("Idempotency-Key"):
        assert len({one.text for one in answers}) == 1
        assert answers[1].headers["Idempotent-Replayed"] == "true"


def test_a_body_in_chunks_is_read(sqlite_app: Flask, sqlite: Database) -> None:
    token = keys.create(sqlite, "shop")[1]
    answer = sqlite_app.test_client().post(
        "/api/emails",
        input_stream=io.BytesIO(json.dumps(GOOD).encode()),
        headers={"Authorization": f"Bearer {token}", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 200


def test_a_defect_is_the_same_flat_json(sqlite_app: Flask, sqlite: Database, caplog: pytest.LogCaptureFixture) -> None:
    token = keys.create(sqlite, "shop")[1]
    services = sqlite_app.extensions["senddock_api"]
    sqlite_app.extensions["senddock_api"] = dataclasses.replace(services, advice=5)
    for path in ("/api/emails", "/api/emails/"):
        answer = sqlite_app.test_client().post(path, json=GOOD, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.get_json()["name"]) == (500, "internal_server_error")
        assert answer.get_json()["request_id"] in caplog.text


def _without_ids(text: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", text)
