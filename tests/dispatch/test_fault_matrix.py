"""Every stage, every way to fail, at the first and at the last provider: before the dot it fails over and arrives once;
after it the outcome is uncertain and it is never handed to another provider."""

from collections.abc import Callable

import pytest

from tests.conftest import Bench
from tests.smtp_server import Fault, ScriptedSMTP, close, closed_port, garbage, reply, reset, stall

Servers = Callable[..., ScriptedSMTP]
BEFORE = ("connect", "greeting", "ehlo", "auth", "mail", "rcpt", "data", "body")
WAYS: dict[str, Fault] = {
    "4xx": reply("451 4.3.0 Temporary System Problem."),
    "5xx": reply("554 5.7.1 Relay access denied"),
    "stall": stall(),
    "reset": reset(),
    "close": close(),
    "garbage": garbage(b"\x00\xffthis is not SMTP\r\n"),
    "half a line": garbage(b"25"),
    "a line of 1 MB": garbage(b"250 " + b"x" * 1_000_000),
}
_TIME_OUT = {
    **dict.fromkeys(("connect", "greeting", "ehlo", "auth"), "session"),
    **dict.fromkeys(("starttls", "tls"), "tls"),
    **dict.fromkeys(("mail", "rcpt", "data"), "envelope"),
    "body": "data",
    **dict.fromkeys(("final_dot", "reply"), "final_dot"),
}
# A stage without a reply of its own cannot be answered with one.
POSSIBLE = [
    (stage, way) for stage in BEFORE for way in WAYS if not (way in ("4xx", "5xx") and stage in ("connect", "body"))
]


def time_outs(stage: str, way: str) -> dict[str, float]:
    """Only what has to run out is short: at every other stage a busy machine may take its time."""
    return {_TIME_OUT[stage]: 1.0} if way == "stall" else {}


def verdict(stage: str, way: str) -> str:
    """What the verdict table says: a refusal by its code, a broken link by where it broke."""
    if way in ("4xx", "5xx"):
        return {"4xx": "server_transient", "5xx": "relay_denied"}[way]
    return "auth" if stage == "auth" else "connection"


@pytest.mark.parametrize(("stage", "way"), POSSIBLE)
def test_before_the_dot_it_fails_over_and_arrives_once(
    sqlite_bench: Bench, smtp_server: Servers, stage: str, way: str
) -> None:
    bad = smtp_server({stage: WAYS[way]}, users={"u": "secret-password"})
    good = smtp_server()
    sqlite_bench.provider(bad.port, "bad", 1, username="u", password="secret-password", timeouts=time_outs(stage, way))
    sqlite_bench.provider(good.port, "good", 2)
    # A body larger than the buffers between the two, so that the fault is met while it is being written.
    message_id = sqlite_bench.submit(text="x" * 100 + "\n" if stage != "body" else ("x" * 99 + "\n") * 120_000)
    sqlite_bench.engine.drain()
    good.wait_for(1)
    story = sqlite_bench.story(message_id)
    assert story["state"] == "accepted"
    assert (bad.taken, len(good.taken)) == ([], 1)
    first = story["attempts"][0]
    # A reset at the greeting may be seen by connect() already.
    expected = {"connect": ("connect", "greeting"), "greeting": ("connect", "greeting"), "body": ("data",)}
    assert first["stage"] in expected.get(stage, (stage,)), first
    assert first["fail_over"] is True
    assert first["class"] == verdict(stage, way), first


@pytest.mark.parametrize(("stage", "way"), POSSIBLE)
def test_at_the_last_provider_it_waits_for_another_round(
    sqlite_bench: Bench, smtp_server: Servers, stage: str, way: str
) -> None:
    bad = smtp_server({stage: WAYS[way]}, users={"u": "p"})
    sqlite_bench.provider(closed_port(), "dead", 1)
    sqlite_bench.provider(bad.port, "bad", 2, username="u", password="p", timeouts=time_outs(stage, way))
    message_id = sqlite_bench.submit(text="x" * 100 + "\n" if stage != "body" else ("x" * 99 + "\n") * 120_000)
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    assert story["state"] == "deferred", story
    assert story["next_attempt_at"]
    assert [attempt["fail_over"] for attempt in story["attempts"]] == [True, False]


@pytest.mark.parametrize("way", ["stall", "reset", "close", "garbage", "half a line", "a line of 1 MB"])
@pytest.mark.parametrize("stream_id", [1, 2], ids=["transactional", "marketing"])
def test_after_the_dot_it_is_uncertain_and_never_goes_to_another_provider(
    sqlite_bench: Bench, smtp_server: Servers, way: str, stream_id: int
) -> None:
    silent = smtp_server({"reply": [WAYS[way]]})
    other = smtp_server()
    sqlite_bench.provider(silent.port, "silent", 1, timeouts=time_outs("reply", way))
    sqlite_bench.provider(other.port, "other", 2)
    message_id = sqlite_bench.submit(stream_id=stream_id)
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    (attempt,) = story["attempts"]
    assert (attempt["stage"], attempt["class"], attempt["fail_over"]) == ("reply", "uncertain", False)
    # Transactional: once more at the same provider. Marketing: held.
    assert story["state"] == ("deferred" if stream_id == 1 else "uncertain")
    assert other.taken == []
    assert len(silent.taken) == 1


def test_an_uncertain_message_is_sent_once_more_at_the_same_provider_with_the_same_message_id(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    silent = smtp_server({"reply": [reset(), reset(), reset()]})
    other = smtp_server()
    sqlite_bench.provider(silent.port, "silent", 1)
    sqlite_bench.provider(other.port, "other", 2)
    message_id = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    for _ in range(2):
        _make_due(sqlite_bench, message_id)
        sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    assert story["state"] == "uncertain", "the second time it is held for a person"
    assert len(silent.taken) == 2
    assert silent.taken[0].data == silent.taken[1].data
    assert other.taken == []


@pytest.mark.parametrize(
    ("line", "cls", "state"),
    [
        ("452 4.2.2 Mailbox full", "recipient_transient", "deferred"),
        ("550 5.1.1 No such user", "recipient_permanent", "failed"),
        ("554 5.7.1 Message rejected as spam", "content_rejected", "failed"),
        ("552 5.3.4 Message too big", "message_too_large", "failed"),
        ("451 4.7.1 Greylisted, come back later", "greylisted", "deferred"),
    ],
)
def test_faults_of_message_and_recipient_do_not_go_to_another_provider(
    sqlite_bench: Bench, smtp_server: Servers, line: str, cls: str, state: str
) -> None:
    first = smtp_server({"final_dot": reply(line)})
    second = smtp_server()
    sqlite_bench.provider(first.port, "one", 1)
    sqlite_bench.provider(second.port, "two", 2, max_message_bytes=100)
    message_id = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    assert (story["state"], story["attempts"][0]["class"], len(story["attempts"])) == (state, cls, 1)
    assert story["attempts"][0]["stage"] == "final_dot"
    assert second.taken == []


def test_a_lost_quit_changes_nothing(sqlite_bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server({"quit": reset()})
    sqlite_bench.provider(server.port, messages_per_connection=1)
    ids = [sqlite_bench.submit() for _ in range(3)]
    sqlite_bench.engine.drain()
    assert [sqlite_bench.story(message_id)["state"] for message_id in ids] == ["accepted"] * 3
    assert server.connections == 3


def test_an_idle_session_that_was_closed_is_replaced_without_a_failed_attempt(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    server = smtp_server({"mail": [None, reset()]})
    sqlite_bench.provider(server.port)
    first = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    second = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    server.wait_for(2)
    assert [len(sqlite_bench.story(message_id)["attempts"]) for message_id in (first, second)] == [1, 1]
    assert "closed by the server" in sqlite_bench.story(second)["attempts"][0]["detail"]["note"]


def test_a_host_name_that_does_not_exist_is_a_fault_at_stage_dns(sqlite_bench: Bench, smtp_server: Servers) -> None:
    good = smtp_server()
    sqlite_bench.provider(25, "nowhere", 1, host="smtp.does-not-exist.invalid", encryption="starttls")
    sqlite_bench.provider(good.port, "good", 2)
    message_id = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    first = sqlite_bench.story(message_id)["attempts"][0]
    assert (first["stage"], first["class"]) == ("dns", "connection")
    assert len(good.taken) == 1


def _make_due(bench: Bench, message_id: str) -> None:
    from datetime import UTC, datetime

    from sqlalchemy import update

    from senddock.models import Message

    with bench.database.write() as session:
        session.execute(
            update(Message)
            .where(Message.id == message_id, Message.due_at.is_not(None))
            .values(due_at=datetime.now(UTC))
        )
