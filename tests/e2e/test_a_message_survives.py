"""The story of the product with real processes: two providers, one dead; deferral; kill -9 of everything."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from senddock import redis_server
from tests.e2e.house import Installation, installation, until
from tests.smtp_server import ScriptedSMTP, closed_port, stall

PASSWORD = "Tr0ub4dor-and-three-words"


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    """An installation on SQLite, and one on PostgreSQL."""
    with installation({"SENDDOCK_DATABASE_URL": database_url}) as made:
        made.start()
        yield made


def test_it_fails_over_defers_survives_kill_and_leaks_no_password(
    house: Installation, smtp_server: Callable[..., ScriptedSMTP], database_url: str
) -> None:
    good = smtp_server(users={"user": PASSWORD})
    house.provider("dead", closed_port(), 1)
    second = house.provider("alive", good.port, 2, username="user", password=PASSWORD)
    token = house.json("key", "create", "--name", "shop")["token"]

    # The first provider is dead, the second takes it, whole.
    code, answer = house.post(
        "/api/emails",
        {"from": "Us <us@example.com>", "to": "ana@example.org", "subject": "Hé", "text": "One\n.two\n"},
        token,
    )
    assert code == 200, answer
    (taken,) = good.wait_for(1)
    assert taken.data.endswith(b"\r\n\r\nOne\r\n.two\r\n")
    assert taken.user == "user"
    until(lambda: house.get(f"/api/emails/{answer['id']}", token)[1]["last_event"] == "sent", 60, house.log.read_text)
    story = house.json("messages", "show", answer["id"])
    assert [(item["provider"], item["class"], item["fail_over"]) for item in story["attempts"]] == [
        ("dead", "connection", True),
        ("alive", "accepted", False),
    ]

    # Both dead: deferred with a time, and kept through kill -9 of every process.
    house.run("provider", "set", str(second["id"]), "--port", str(closed_port()))
    code, later = house.post("/api/emails", {"to": "bo@example.org", "subject": "Later", "text": "x"}, token)
    assert code == 200
    until(lambda: _state(house, later["id"]) == "deferred", 60, lambda: house.json("messages", "show", later["id"]))
    assert house.json("messages", "show", later["id"])["next_attempt_at"]
    house.kill_everything()
    house.start()
    # Its time may have come while everything started again: then it is being tried, not gone.
    assert _state(house, later["id"]) in ("deferred", "queued", "sending")
    house.run("provider", "set", str(second["id"]), "--port", str(good.port))
    good.wait_for(2, timeout=180)
    assert good.taken[1].recipients == ["bo@example.org"]

    _no_password_in_redis(house)
    assert house.stop() == 0
    _no_password_in(house, database_url)


def test_kill_in_the_middle_of_the_final_dot_loses_nothing_and_doubles_nothing(
    house: Installation, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    silent = smtp_server({"reply": [stall()]})
    other = smtp_server()
    house.provider("silent", silent.port, 1)
    house.provider("other", other.port, 2)
    token = house.json("key", "create", "--name", "shop")["token"]
    code, answer = house.post("/api/emails", {"to": "ana@example.org", "subject": "Invoice", "text": "x"}, token)
    assert code == 200
    # The provider has the message and says nothing; just then everything dies.
    silent.wait_for(1)
    house.kill_everything()
    house.start()
    until(lambda: _classes(house, answer["id"])[:1] == ["uncertain"], 60, house.log.read_text)
    story = house.json("messages", "show", answer["id"])
    assert story["attempts"][0]["stage"] == "reply"
    # Half a minute later it is tried once more; that may have come already, and only at the same provider.
    assert {item["provider"] for item in story["attempts"]} == {"silent"}
    assert other.taken == []


def _state(house: Installation, message_id: str) -> str:
    return str(house.json("messages", "show", message_id)["state"])


def _classes(house: Installation, message_id: str) -> list[str]:
    return [item["class"] for item in house.json("messages", "show", message_id)["attempts"]]


def _no_password_in_redis(house: Installation) -> None:
    with Redis.from_url(redis_server.url_of(house.data)) as client:
        keys = list(client.scan_iter())
        assert keys
        assert not any(PASSWORD.encode() in (client.dump(key) or b"") for key in keys)


def _no_password_in(house: Installation, database_url: str) -> None:
    secret = PASSWORD.encode()
    places = [path for path in house.folder.rglob("*") if path.is_file()]
    if database_url.startswith("sqlite"):
        from pathlib import Path

        places += list(Path(database_url.removeprefix("sqlite:///")).parent.glob("senddock.db*"))
    assert any(path.name == "up.log" for path in places)
    for path in places:
        assert secret not in path.read_bytes(), path
