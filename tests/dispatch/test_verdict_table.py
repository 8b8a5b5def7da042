"""The verdict table, walked row by row: does it go to another provider now, what does it do to the breaker, what then?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import update

from senddock.dispatch.outbox import utcnow
from senddock.domain.breaker import Phase
from senddock.models import Message
from tests.conftest import Bench
from tests.smtp_server import Fault, ScriptedSMTP, reply, reset

Servers = Callable[..., ScriptedSMTP]


@dataclass(frozen=True, slots=True)
class Row:
    """One class: how the first provider shows it, and what the table says of it."""

    cls: str
    stage: str
    fault: Fault
    fails_over: bool
    #: What one attempt counts for at the provider's breaker, when it stays closed.
    failures: float = 0.0
    state: str = "accepted"
    #: The breaker of the provider, and of this From domain there.
    phase: Phase = Phase.CLOSED
    domain: Phase = Phase.CLOSED
    #: The try counts towards the rounds of a message that stays here.
    counts: bool = True
    stream_id: int = 1


ROWS = {
    "a server that has trouble": Row(
        "server_transient", "mail", reply("451 4.3.0 Temporary System Problem."), True, 1.0
    ),
    "a dead link": Row("connection", "mail", reset(), True, 1.0),
    "a refused password": Row("auth", "auth", reply("535 5.7.8 Authentication failed"), True, 1.5),
    "a used-up quota": Row(
        "quota_exceeded",
        "mail",
        reply("550 5.4.5 Daily sending quota exceeded, try again in 3 hours"),
        True,
        phase=Phase.OPEN,
    ),
    "too fast, for longer than the stream waits": Row(
        "rate_limited", "mail", reply("450 4.7.1 Too many messages, try again in 2 hours"), True
    ),
    "too fast, for a moment": Row(
        "rate_limited",
        "mail",
        reply("450 4.7.1 Too many messages, try again in 5 seconds"),
        False,
        state="deferred",
        counts=False,
        stream_id=2,
    ),
    "a From that is not verified": Row(
        "sender_not_verified", "mail", reply("550 5.7.1 Sender address not verified"), True, domain=Phase.OPEN
    ),
    "relaying denied": Row("relay_denied", "rcpt", reply("554 5.7.1 Relay access denied"), True, domain=Phase.OPEN),
    "a recipient that does not exist": Row(
        "recipient_permanent", "rcpt", reply("550 5.1.1 No such user"), False, state="failed"
    ),
    "a full mailbox": Row("recipient_transient", "rcpt", reply("452 4.2.2 Mailbox full"), False, state="deferred"),
    "greylisting": Row(
        "greylisted", "rcpt", reply("451 4.7.1 Greylisted, please come back later"), False, state="deferred"
    ),
    "a message taken for spam": Row(
        "content_rejected", "final_dot", reply("554 5.7.1 Message rejected as spam"), False, state="failed"
    ),
    "a blocked address of the provider": Row(
        "content_rejected", "rcpt", reply("554 5.7.1 Client host blocked using zen.spamhaus.org"), True
    ),
    "a blocked account": Row(
        "content_rejected", "mail", reply("550 5.7.1 Your account has been suspended"), True, phase=Phase.PAUSED
    ),
    "silence after the dot": Row("uncertain", "reply", reset(), False, 0.5, state="deferred"),
    "silence after the dot of marketing mail": Row(
        "uncertain", "reply", reset(), False, 0.5, state="uncertain", stream_id=2
    ),
    "words that nobody knows": Row("unknown", "final_dot", reply("599 qwerty"), True),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_of_the_table(sqlite_bench: Bench, smtp_server: Servers, row: Row) -> None:
    first, second = smtp_server({row.stage: row.fault}, users={"u": "p"}), smtp_server()
    provider_id = sqlite_bench.provider(first.port, "first", 1, username="u", password="p")
    sqlite_bench.provider(second.port, "second", 2)
    message_id = sqlite_bench.submit(stream_id=row.stream_id)
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    attempt = story["attempts"][0]
    assert (attempt["class"], attempt["fail_over"]) == (row.cls, row.fails_over)
    assert story["state"] == row.state
    assert len(second.taken) == (1 if row.fails_over else 0)
    health = sqlite_bench.engine.health
    breaker = health.get((provider_id, ""))
    assert (breaker.phase, health.get((provider_id, "example.com")).phase) == (row.phase, row.domain)
    if row.phase is Phase.CLOSED:
        assert breaker.failures == row.failures
    if row.state == "deferred":
        with sqlite_bench.database.read() as session:
            kept = session.get(Message, message_id)
            assert kept is not None
            assert (kept.rounds, kept.due_at is not None) == (1 if row.counts else 0, True)


def test_a_used_up_quota_is_left_alone_until_the_time_in_the_text(sqlite_bench: Bench, smtp_server: Servers) -> None:
    first = smtp_server({"mail": reply("550 5.4.5 Daily sending quota exceeded, try again in 3 hours")})
    second = smtp_server()
    provider_id = sqlite_bench.provider(first.port, "first", 1)
    sqlite_bench.provider(second.port, "second", 2)
    before = utcnow()
    ids = [sqlite_bench.submit()]
    sqlite_bench.engine.drain()
    ids += [sqlite_bench.submit() for _ in range(4)]
    sqlite_bench.engine.drain()
    until = sqlite_bench.engine.health.get((provider_id, "")).until
    assert until is not None
    assert timedelta(hours=3) <= until - before < timedelta(hours=3, minutes=10)
    tried = [attempt["provider"] for message_id in ids for attempt in sqlite_bench.story(message_id)["attempts"]]
    assert tried.count("first") == 1
    assert len(second.taken) == 5


def test_a_refused_password_opens_the_breaker_at_the_second_time(sqlite_bench: Bench, smtp_server: Servers) -> None:
    first, second = smtp_server(users={"u": "another"}), smtp_server()
    provider_id = sqlite_bench.provider(first.port, "first", 1, username="u", password="wrong")
    sqlite_bench.provider(second.port, "second", 2)
    phases = []
    for _ in range(3):
        sqlite_bench.submit()
        sqlite_bench.engine.drain()
        phases.append(sqlite_bench.engine.health.get((provider_id, "")).phase)
    assert phases == [Phase.CLOSED, Phase.OPEN, Phase.OPEN]
    assert sum(line.startswith("AUTH") for line in first.commands) == 2, "repeated refusals get accounts locked"
    assert len(second.taken) == 3


def test_words_that_nobody_knows_are_tried_at_one_other_provider_and_no_third(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    servers = [smtp_server({"final_dot": reply("599 qwerty")}) for _ in range(3)]
    for number, server in enumerate(servers, 1):
        sqlite_bench.provider(server.port, f"p{number}", number)
    message_id = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    assert [item["provider"] for item in story["attempts"]] == ["p1", "p2"]
    assert story["state"] == "failed"


def test_too_large_goes_to_the_first_that_takes_more_and_fails_where_none_does(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    small = smtp_server({"final_dot": reply("552 5.3.4 Message too big")})
    smaller, large = smtp_server(), smtp_server()
    sqlite_bench.provider(small.port, "small", 1, max_message_bytes=5_000_000)
    sqlite_bench.provider(smaller.port, "smaller", 2, max_message_bytes=1_000_000)
    sqlite_bench.provider(large.port, "large", 3, max_message_bytes=50_000_000)
    message_id = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    assert [item["provider"] for item in sqlite_bench.story(message_id)["attempts"]] == ["small", "large"]
    assert (len(large.taken), smaller.taken) == (1, [])


@pytest.mark.parametrize("line", ["452 4.2.2 Mailbox full", "451 4.7.1 Greylisted, please come back later"])
def test_what_only_time_heals_comes_back_to_the_same_provider(
    sqlite_bench: Bench, smtp_server: Servers, line: str
) -> None:
    first, second = smtp_server({"rcpt": [reply(line)]}), smtp_server()
    sqlite_bench.provider(second.port, "second", 2)
    sqlite_bench.provider(first.port, "first", 1)
    message_id = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    with sqlite_bench.database.write() as session:
        session.execute(update(Message).values(due_at=utcnow()))
    sqlite_bench.engine.drain()
    assert [item["provider"] for item in sqlite_bench.story(message_id)["attempts"]] == ["first", "first"]
    assert (len(first.taken), second.taken) == (1, [])
