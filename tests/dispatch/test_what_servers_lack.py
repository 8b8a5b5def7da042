"""Providers differ in what they offer: a message is said to each as that one understands it."""

from collections.abc import Callable
from datetime import UTC, datetime

from senddock.dispatch.channels import Channel
from senddock.dispatch.raw_mail import raw_submission
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, reply

Servers = Callable[..., ScriptedSMTP]
_EIGHT = "From: us@example.com\r\nTo: a@example.org\r\nSubject: x\r\n\r\nGrüße aus Köln\r\n".encode()


def test_eight_bits_are_announced_where_that_is_known_and_arrive_unchanged_everywhere(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    # Rewriting them would break a signature, and one that takes no 8BITMIME passes them on all the same.
    knows, plain = smtp_server({"rcpt": [reply("451 4.3.0 Try later")]}), smtp_server(extensions=("PIPELINING",))
    sqlite_bench.provider(knows.port, "knows", 1)
    sqlite_bench.provider(plain.port, "plain", 2)
    submission = raw_submission(_EIGHT, "us@example.com", ["a@example.org"], Channel(1, 1, "smtp"), datetime.now(UTC))
    for _ in range(2):
        sqlite_bench.outbox.submit([submission])
    sqlite_bench.engine.drain()
    (first,), (second,) = plain.wait_for(1), knows.wait_for(1)
    assert ("BODY=8BITMIME" in first.parameters, "BODY=8BITMIME" in second.parameters) == (False, True)
    assert first.data == second.data == submission.raw


def test_an_international_address_is_only_said_to_a_server_that_takes_it(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    knows = smtp_server({"rcpt": [reply("451 4.3.0 Try later")]})
    plain, last = smtp_server(extensions=("PIPELINING", "8BITMIME")), smtp_server()
    for priority, server in enumerate((knows, plain, last), 1):
        sqlite_bench.provider(server.port, f"p{priority}", priority)
    sqlite_bench.submit("jürgen@example.org")
    sqlite_bench.engine.drain()
    (taken,) = last.wait_for(1)
    assert "SMTPUTF8" in taken.parameters
    assert taken.recipients == ["jürgen@example.org"]
    assert not any(line.startswith("MAIL") for line in plain.commands)
