"""A message survives a dead provider: the story of the product, on both databases."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import update

from senddock.dispatch.dot_marks import Mark
from senddock.models import Message
from tests.conftest import Bench
from tests.e2e.house import until
from tests.smtp_server import ScriptedSMTP, closed_port, reply

Servers = Callable[..., ScriptedSMTP]


def test_it_goes_to_the_second_provider_when_the_first_refuses_the_connection(
    bench: Bench, smtp_server: Servers
) -> None:
    good = smtp_server()
    bench.provider(closed_port(), "dead", 1)
    bench.provider(good.port, "alive", 2)
    message_id = bench.submit("ana@example.org", subject="Hé", text="Dots:\n.one\n..two\n")
    bench.engine.drain()
    (taken,) = good.wait_for(1)
    assert taken.recipients == ["ana@example.org"]
    assert taken.data.endswith(b"\r\n\r\nDots:\r\n.one\r\n..two\r\n")
    story = bench.story(message_id)
    assert story["state"] == "accepted"
    first, second = story["attempts"]
    assert (first["provider"], first["stage"], first["class"], first["fail_over"]) == (
        "dead",
        "connect",
        "connection",
        True,
    )
    assert first["text"] == "Connection refused"
    assert (second["provider"], second["class"], second["code"], second["fail_over"]) == (
        "alive",
        "accepted",
        250,
        False,
    )
    assert second["plan"]["left_out"][0]["provider"] == "dead"
    assert story["deliveries"][0]["status"] == "accepted"
    assert story["deliveries"][0]["reply"].startswith("250 2.0.0 Ok: queued as")


def test_it_is_deferred_with_a_time_when_all_providers_are_dead_and_leaves_when_one_is_back(
    bench: Bench, smtp_server: Servers
) -> None:
    dead = closed_port()
    bench.provider(dead, "one", 1)
    second = bench.provider(closed_port(), "two", 2)
    message_id = bench.submit()
    bench.engine.drain()
    story = bench.story(message_id)
    assert story["state"] == "deferred"
    assert story["deliveries"][0]["status"] == "deferred"
    assert story["next_attempt_at"]
    assert [attempt["provider"] for attempt in story["attempts"]] == ["one", "two"]

    from senddock.dispatch import providers

    back = smtp_server()
    providers.change(bench.database, bench.vault, second, {"port": back.port})
    bench.engine.roster.forget()
    bench.engine.prober.look()

    def taken() -> bool:
        # The heartbeat looks as well: whoever was first brings the message forward.
        bench.engine.drain()
        return len(back.taken) == 1

    until(taken, 60, lambda: bench.story(message_id))
    assert bench.story(message_id)["state"] == "accepted"


def test_the_provider_that_fails_is_left_alone_after_three_failures(bench: Bench, smtp_server: Servers) -> None:
    good = smtp_server()
    bad = smtp_server({"mail": reply("451 4.3.0 Temporary System Problem.")})
    bench.provider(bad.port, "bad", 1)
    bench.provider(good.port, "good", 2)
    ids = [bench.submit(f"p{number}@example.org") for number in range(12)]
    bench.engine.drain()
    good.wait_for(12)
    tried = [attempt["provider"] for message_id in ids for attempt in bench.story(message_id)["attempts"]]
    assert tried.count("good") == 12
    assert 3 <= tried.count("bad") <= 6
    spared = [story["attempts"] for story in map(bench.story, ids) if len(story["attempts"]) == 1]
    assert len(spared) >= 6
    assert "failing" in spared[-1][0]["plan"]["left_out"][0]["why"]


def test_each_recipient_has_an_outcome_of_its_own(bench: Bench, smtp_server: Servers) -> None:
    def refuse(address: str) -> object:
        answers = {
            "gone@example.org": reply("550 5.1.1 No such user here"),
            "full@example.org": reply("452 4.2.2 Mailbox full"),
        }
        return answers.get(address)

    server = smtp_server({"rcpt": refuse})
    other = smtp_server()
    bench.provider(server.port, "one", 1)
    bench.provider(other.port, "two", 2)
    message_id = bench.submit("ok@example.org", "gone@example.org", "full@example.org")
    bench.engine.drain()
    story = bench.story(message_id)
    assert {item["recipient"]: item["status"] for item in story["deliveries"]} == {
        "ok@example.org": "accepted",
        "gone@example.org": "failed",
        "full@example.org": "deferred",
    }
    assert server.taken[0].recipients == ["ok@example.org"]
    assert other.taken == [], "a fault of the recipient must not go to another provider"
    assert len(story["attempts"]) == 1


def test_a_provider_fault_at_one_recipient_moves_only_that_recipient(bench: Bench, smtp_server: Servers) -> None:
    first = smtp_server({"rcpt": lambda to: reply("550 5.7.1 Relaying denied") if to == "b@example.net" else None})
    second = smtp_server()
    bench.provider(first.port, "one", 1)
    bench.provider(second.port, "two", 2)
    message_id = bench.submit("a@example.org", "b@example.net")
    bench.engine.drain()
    assert bench.story(message_id)["state"] == "accepted"
    assert [taken.recipients for taken in first.taken] == [["a@example.org"]]
    assert [taken.recipients for taken in second.taken] == [["b@example.net"]]


def test_a_limit_of_recipients_splits_the_transaction(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port, recipients_per_message=2)
    message_id = bench.submit(*(f"p{number}@example.org" for number in range(5)))
    bench.engine.drain()
    assert sorted(len(taken.recipients) for taken in server.taken) == [1, 2, 2]
    assert bench.story(message_id)["state"] == "accepted"


def test_without_a_provider_it_waits_and_says_why(bench: Bench) -> None:
    message_id = bench.submit()
    bench.engine.drain()
    story = bench.story(message_id)
    assert story["state"] == "deferred"
    assert "no provider" in story["reason"]
    assert story["attempts"] == []


def test_a_message_too_old_expires_and_says_so(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port)
    message_id = bench.submit(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    bench.engine.drain()
    story = bench.story(message_id)
    assert story["state"] == "expired"
    assert "time" in story["deliveries"][0]["reply"]
    assert server.taken == []


def test_a_message_claimed_by_another_worker_gets_no_final_dot(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port)
    message_id = bench.submit()
    real = bench.engine.recorder.commit

    def overtaken(marks: Sequence[Mark]) -> None:
        if marks:
            with bench.database.write() as session:
                session.execute(update(Message).where(Message.id == message_id).values(fence=Message.fence + 1))
        real(marks)

    bench.engine.recorder.commit = overtaken  # type: ignore[method-assign]
    bench.engine.drain(longest=3)
    assert server.taken == []
    assert bench.story(message_id)["attempts"] == []


def test_an_international_address_goes_to_a_provider_that_takes_it(bench: Bench, smtp_server: Servers) -> None:
    old, modern = smtp_server(extensions=("PIPELINING",)), smtp_server()
    bench.provider(old.port, "old", 1)
    bench.provider(modern.port, "modern", 2)
    message_id = bench.submit("jörg@example.org")
    bench.engine.drain()
    (taken,) = modern.wait_for(1)
    assert taken.recipients == ["jörg@example.org"]
    assert "SMTPUTF8" in taken.parameters
    first = bench.story(message_id)["attempts"][0]
    assert (first["provider"], first["fail_over"]) == ("old", True)
    assert "SMTPUTF8" in first["text"]


def test_without_a_from_the_providers_own_is_used(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port, from_email="hello@acme.example", from_name="Acme")
    bench.submit(from_=None)
    bench.engine.drain()
    (taken,) = server.wait_for(1)
    assert taken.mail_from == "hello@acme.example"
    assert b"From: Acme <hello@acme.example>\r\n" in taken.data


def test_a_rewritten_sender_keeps_the_original_as_reply_to(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port, from_email="hello@acme.example", from_policy="rewrite")
    bench.submit(from_="Shop <shop@other.example>")
    bench.engine.drain()
    (taken,) = server.wait_for(1)
    assert b"From: hello@acme.example\r\n" in taken.data
    assert b"Reply-To: Shop <shop@other.example>\r\n" in taken.data
