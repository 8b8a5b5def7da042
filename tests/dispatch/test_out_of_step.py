"""Servers that answer too much, too early or to something else, that end a session, and links that die half way."""

from collections.abc import Callable

import pytest

from tests.conftest import Bench
from tests.smtp_server import Fault, ScriptedSMTP, reply, reset

Servers = Callable[..., ScriptedSMTP]


def classes(bench: Bench, message_id: str) -> list[tuple[str, str]]:
    return [(attempt["provider"], attempt["class"]) for attempt in bench.story(message_id)["attempts"]]


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("mail", "250 2.1.0 Ok\n250 2.1.0 Ok"),
        ("rcpt", "250 2.1.5 Ok\n250 2.1.5 Ok"),
        ("data", "250 2.0.0 Ok: queued already"),
        ("data", "354 go ahead\n250 2.0.0 Ok: queued before the dot"),
    ],
)
@pytest.mark.parametrize("pipelining", [True, False])
def test_an_answer_too_many_before_the_dot_sends_nothing_there_and_once_elsewhere(
    sqlite_bench: Bench, smtp_server: Servers, stage: str, said: str, pipelining: bool
) -> None:
    extensions = ("PIPELINING", "8BITMIME") if pipelining else ("8BITMIME",)
    odd, good = smtp_server({stage: reply(said)}, extensions=extensions), smtp_server()
    sqlite_bench.provider(odd.port, "odd", 1, timeouts={"envelope": 2})
    sqlite_bench.provider(good.port, "good", 2)
    message_id = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    assert len(good.wait_for(1)) == 1
    assert odd.taken == []
    (first, cls), second = classes(sqlite_bench, message_id)
    assert first == "odd"
    assert cls in ("server_transient", "connection")
    assert second == ("good", "accepted")


def test_an_answer_that_is_none_to_a_dot_leaves_it_uncertain_and_the_next_message_unsent(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    odd, other = smtp_server({"reply": [reply("354 go ahead")]}), smtp_server()
    sqlite_bench.provider(odd.port, "odd", 1, max_connections=1)
    sqlite_bench.provider(other.port, "other", 2)
    ids = [sqlite_bench.submit() for _ in range(2)]
    sqlite_bench.engine.drain()
    assert [item["class"] for item in sqlite_bench.story(ids[0])["attempts"]] == ["uncertain"]
    assert classes(sqlite_bench, ids[1]) == [("odd", "accepted")]
    assert (len(odd.taken), other.taken) == (2, [])


def test_an_answer_too_many_after_the_dot_is_taken_for_no_other_message(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    odd, good = smtp_server({"reply": [reply("250 2.0.0 Ok\n250 2.0.0 Ok again")]}), smtp_server()
    sqlite_bench.provider(odd.port, "odd", 1, max_connections=1)
    sqlite_bench.provider(good.port, "good", 2)
    ids = [sqlite_bench.submit() for _ in range(3)]
    sqlite_bench.engine.drain()
    assert {sqlite_bench.story(message_id)["state"] for message_id in ids} == {"accepted"}
    assert len(odd.taken) + len(good.taken) == 3, "each once, whoever took it"


@pytest.mark.parametrize("chained", [True, False])
def test_a_session_that_the_server_ends_after_a_message_is_replaced_and_blames_nobody(
    sqlite_bench: Bench, smtp_server: Servers, chained: bool
) -> None:
    seen: list[str] = []

    def second_of_a_session(sender: str) -> Fault | None:
        seen.append(sender)
        return reply("421 4.7.0 Too many messages on this connection") if len(seen) == 2 else None

    extensions = ("PIPELINING",) if chained else ()
    server, other = smtp_server({"mail": second_of_a_session}, extensions=extensions), smtp_server()
    provider_id = sqlite_bench.provider(server.port, "one", 1, max_connections=1)
    sqlite_bench.provider(other.port, "two", 2)
    ids = [sqlite_bench.submit() for _ in range(4)]
    sqlite_bench.engine.drain()
    assert [classes(sqlite_bench, message_id) for message_id in ids] == [[("one", "accepted")]] * 4
    assert server.connections == 2
    assert sqlite_bench.engine.health.get((provider_id, "")).failures == 0


def test_a_server_that_ends_every_session_is_left_for_another(sqlite_bench: Bench, smtp_server: Servers) -> None:
    taken: list[str] = []

    def after_the_first(sender: str) -> Fault | None:
        taken.append(sender)
        return reply("421 4.3.2 Service shutting down") if len(taken) > 1 else None

    server, other = smtp_server({"mail": after_the_first}), smtp_server()
    sqlite_bench.provider(server.port, "one", 1, max_connections=1)
    sqlite_bench.provider(other.port, "two", 2)
    ids = [sqlite_bench.submit() for _ in range(2)]
    sqlite_bench.engine.drain()
    assert classes(sqlite_bench, ids[0]) == [("one", "accepted")]
    assert classes(sqlite_bench, ids[1]) == [("one", "server_transient"), ("two", "accepted")]


@pytest.mark.parametrize("stage", ["body", "data"])
def test_who_was_refused_before_the_link_died_is_refused_and_the_others_go_on(
    sqlite_bench: Bench, smtp_server: Servers, stage: str
) -> None:
    def gone(recipient: str) -> Fault | None:
        return reply("550 5.1.1 No such user") if recipient == "gone@example.org" else None

    first, second = smtp_server({"rcpt": gone, stage: reset()}, extensions=()), smtp_server()
    sqlite_bench.provider(first.port, "first", 1)
    sqlite_bench.provider(second.port, "second", 2)
    text = ("x" * 99 + "\n") * 120_000 if stage == "body" else "x"
    message_id = sqlite_bench.submit("a@example.org", "gone@example.org", "b@example.org", text=text)
    sqlite_bench.engine.drain()
    states = {item["recipient"]: item["status"] for item in sqlite_bench.story(message_id)["deliveries"]}
    assert states == {"a@example.org": "accepted", "gone@example.org": "failed", "b@example.org": "accepted"}
    assert [taken.recipients for taken in second.wait_for(1)] == [["a@example.org", "b@example.org"]]
    assert first.taken == []
