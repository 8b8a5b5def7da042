"""Attachments by `path`: off unless the operator turns it on; then fetched before the answer, within bounds."""

import base64
import dataclasses
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import trustme
from flask import Flask
from sqlalchemy import func, select

from senddock.api import fetching
from senddock.api.fetching import Fetcher
from senddock.app import create_app
from senddock.config import ConfigurationError, Settings
from senddock.http.fetch import Reach
from senddock.models import Content, Database, Message
from tests.api.conftest import Api
from tests.http.server import FileServer, file

GOOD = {"from": "Us <us@example.com>", "to": "ana@example.org", "subject": "Hello", "text": "It works."}


@pytest.fixture
def files(server_tls: ssl.SSLContext) -> Iterator[FileServer]:
    server = FileServer({"/report.pdf": file(b"%PDF-1.7", Content_Type="application/pdf")}, server_tls)
    yield server
    server.stop()


@pytest.fixture
def fetching_api(sqlite_app: Flask, sqlite_api: Api, authority: trustme.CA) -> Api:
    """Turned on, and allowed to reach loopback, which only a test can say."""
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    services = sqlite_app.extensions["senddock_api"]
    fetcher = Fetcher(Reach(20.0, private_network=True, tls=tls))
    sqlite_app.extensions["senddock_api"] = dataclasses.replace(services, fetcher=fetcher)
    return sqlite_api


def mail(files: FileServer, *paths: str, **values: Any) -> dict[str, Any]:
    return {**GOOD, "attachments": [{"path": f"https://localhost:{files.port}{path}", **values} for path in paths]}


def stored(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


def raw(database: Database) -> bytes:
    with database.read() as session:
        return bytes(session.scalars(select(Content.raw).order_by(Content.message_id.desc())).first() or b"")


def test_it_is_off_unless_it_is_turned_on(sqlite_api: Api, sqlite: Database, files: FileServer, vault: Any) -> None:
    code, answer = sqlite_api.post("/emails", mail(files, "/report.pdf"))
    assert (code, answer["name"], answer["field"]) == (422, "invalid_attachment", "attachments")
    assert "switched off" in answer["message"]
    assert (stored(sqlite), files.asked) == (0, [])
    for word, on in ((None, False), ("off", False), ("on", True)):
        given = {"SENDDOCK_DATABASE_URL": sqlite.url} | ({"SENDDOCK_ATTACHMENT_URLS": word} if word else {})
        settings = Settings.from_env(given)
        app = create_app(settings, vault=vault, redis=Any)  # type: ignore[arg-type]
        assert (app.extensions["senddock_api"].fetcher is not None) is on
        described = app.test_client().get("/api/openapi.json").get_json()
        assert ("path" in described["components"]["schemas"]["AttachmentBody"]["properties"]) is on
        app.extensions["senddock"].database.close()
    with pytest.raises(ConfigurationError, match="on or off"):
        Settings.from_env({"SENDDOCK_ATTACHMENT_URLS": "yes"})


def test_turned_on_it_reaches_public_addresses_only(sqlite_app: Flask, sqlite_api: Api, files: FileServer) -> None:
    services = sqlite_app.extensions["senddock_api"]
    sqlite_app.extensions["senddock_api"] = dataclasses.replace(services, fetcher=Fetcher())
    code, answer = sqlite_api.post("/emails", mail(files, "/report.pdf"))
    assert (code, answer["name"]) == (422, "invalid_attachment")
    assert "private network" in answer["message"]
    assert answer["guide"].endswith("/guides/http-api#attachments")
    assert files.asked == []


def test_the_file_travels_with_its_name_and_type(fetching_api: Api, sqlite: Database, files: FileServer) -> None:
    assert fetching_api.post("/emails", mail(files, "/report.pdf"))[0] == 200
    sent = raw(sqlite)
    for part in (b"application/pdf", b'filename="report.pdf"', base64.b64encode(b"%PDF-1.7")):
        assert part in sent
    named = mail(files, "/report.pdf", filename="Mine.bin", content_type="application/x-mine", content_id="logo")
    assert fetching_api.post("/emails", named)[0] == 200
    assert b"application/x-mine" in raw(sqlite)
    assert b"Content-ID: <logo>" in raw(sqlite)


def test_a_file_that_cannot_be_had_refuses_the_message(fetching_api: Api, sqlite: Database, files: FileServer) -> None:
    code, answer = fetching_api.post("/emails", mail(files, "/gone.pdf"))
    assert (code, answer["name"], answer["field"]) == (422, "invalid_attachment", "attachments")
    assert "answered with 404" in answer["message"]
    assert stored(sqlite) == 0


def test_a_batch_fetches_each_address_once_and_all_files_share_the_bounds(
    fetching_api: Api, sqlite: Database, files: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetching_api.post("/emails/batch", [mail(files, "/report.pdf")] * 100)[0] == 200
    assert (len(files.asked), stored(sqlite)) == (1, 100)
    files.answers |= {f"/{number}": file(b"x" * 10) for number in range(11)}
    code, answer = fetching_api.post("/emails", mail(files, *(f"/{number}" for number in range(11))))
    assert (code, "10 files" in answer["message"]) == (422, True)
    monkeypatch.setattr(fetching, "MOST_OCTETS", 15)
    code, answer = fetching_api.post("/emails", mail(files, "/1", "/2"))
    assert (code, "at most 5" in answer["message"]) == (422, True)


def test_an_answer_that_was_given_is_given_again_without_the_file(fetching_api: Api, files: FileServer) -> None:
    first = fetching_api.post("/emails", mail(files, "/report.pdf"), Idempotency_Key="k")
    del files.answers["/report.pdf"]
    assert fetching_api.post("/emails", mail(files, "/report.pdf"), Idempotency_Key="k") == first
    assert fetching_api.post("/emails", mail(files, "/other.pdf"), Idempotency_Key="k")[0] == 409
    batch = [mail(files, "/report.pdf")]
    assert fetching_api.post("/emails/batch", batch, Idempotency_Key="k")[0] == 422
    assert len(files.asked) == 2


def test_slow_files_hold_a_few_requests_and_no_more(
    fetching_api: Api, sqlite: Database, files: FileServer, sqlite_app: Flask
) -> None:
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        arrived.release()
        go_on.wait(20)
        file(b"x")(handler)

    files.answers["/slow"] = slow
    codes: list[int] = []
    callers = [
        threading.Thread(target=lambda: codes.append(fetching_api.post("/emails", mail(files, "/slow"))[0]))
        for _ in range(fetching.AT_ONCE)
    ]
    for one in callers:
        one.start()
    for _ in callers:
        assert arrived.acquire(timeout=20)
    code, answer = fetching_api.post("/emails", mail(files, "/report.pdf"))
    assert (code, answer["name"]) == (503, "application_error")
    assert fetching_api.post("/emails", GOOD)[0] == 200
    go_on.set()
    for one in callers:
        one.join(30)
    assert codes == [200] * len(callers)
    assert fetching_api.post("/emails", mail(files, "/report.pdf"))[0] == 200
    assert stored(sqlite) == len(callers) + 2
