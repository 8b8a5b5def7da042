"""Several recipients: one transaction, an outcome for each, and each goes its own way afterwards."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from senddock.dispatch.claim import claim
from senddock.dispatch.recover import recover
from senddock.models import Attempt, Delivery, Message, Worker
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, reply

Servers = Callable[..., ScriptedSMTP]


def statuses(bench: Bench, message_id: str) -> dict[str, str]:
    return {item["recipient"]: item["status"] for item in bench.story(message_id)["deliveries"]}


def make_due(bench: Bench, message_id: str) -> None:
    with bench.database.write() as session:
        session.execute(update(Message).where(Message.id == message_id).values(due_at=datetime.now(UTC)))


def test_what_was_accepted_is_on_disk_together_with_its_attempt(bench: Bench, smtp_server: Servers) -> None:
    first = smtp_server({"rcpt": lambda to: reply("550 5.7.1 Relaying denied") if to == "b@example.net" else None})
    second = smtp_server()
    bench.provider(first.port, "one", 1)
    bench.provider(second.port, "two", 2)
    message_id = bench.submit("a@example.org", "b@example.net")
    settled: list[Any] = []
    real = bench.engine.recorder.settle
    bench.engine.recorder.settle = lambda item: (settled.append(item), real(item))[1]  # type: ignore[method-assign]
    bench.engine.drain()
    # Each attempt carries what it decided: a worker that dies between two commits cannot leave an accepted recipient
    # in the queue, to be sent to again.
    assert [len(item.deliveries) for item in settled] == [1, 1]
    assert all(item.attempt for item in settled)
    assert [item.message is not None for item in settled] == [False, True]
    assert set(statuses(bench, message_id).values()) == {"accepted"}


def test_those_deferred_together_come_back_in_one_transaction(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server({"data": [reply("451 4.3.0 Temporary System Problem.")]})
    bench.provider(server.port)
    message_id = bench.submit("a@example.org", "b@example.org", "c@example.org")
    bench.engine.drain()
    with bench.database.write() as session:
        times = set(session.scalars(select(Delivery.next_attempt_at)))
        assert len(times) == 1
        session.execute(update(Delivery).values(next_attempt_at=datetime.now(UTC)))
    make_due(bench, message_id)
    bench.engine.drain()
    assert [len(taken.recipients) for taken in server.taken] == [3]


def test_each_refused_recipient_keeps_its_own_time(bench: Bench, smtp_server: Servers) -> None:
    answers = {
        "soon@example.org": reply("451 4.7.1 Greylisted, come back later"),
        "full@example.org": reply("452 4.2.2 Mailbox full"),
    }
    server = smtp_server({"rcpt": answers.get})
    bench.provider(server.port)
    message_id = bench.submit(*answers)
    bench.engine.drain()
    soon, full = (item["next_attempt_at"] for item in bench.story(message_id)["deliveries"])
    assert soon < full
    assert bench.story(message_id)["next_attempt_at"] == soon
    answers["soon@example.org"] = answers["full@example.org"] = None  # type: ignore[assignment]
    with bench.database.write() as session:
        now = datetime.now(UTC)
        session.execute(update(Delivery).where(Delivery.recipient == "soon@example.org").values(next_attempt_at=now))
    make_due(bench, message_id)
    bench.engine.drain()
    assert [taken.recipients for taken in server.taken] == [["soon@example.org"]]
    assert statuses(bench, message_id) == {"soon@example.org": "accepted", "full@example.org": "deferred"}
    assert bench.story(message_id)["next_attempt_at"] == full, "the message comes back for the one that waits"


def test_a_worker_that_dies_leaves_only_the_recipients_of_its_transaction_in_doubt(bench: Bench) -> None:
    now = datetime.now(UTC)
    message_id = bench.submit("on-the-wire@example.org", "not-yet@example.org")
    with bench.database.write() as session:
        session.add(Worker(id=77, host="elsewhere", pid=1, started_at=now, heartbeat_at=now - timedelta(minutes=1)))
    (claimed,) = claim(bench.database, worker_id=77, stream_ids=[1], limit=9, now=datetime.now(UTC))
    with bench.database.write() as session:
        session.execute(
            insert(Attempt).values(
                message_id=message_id,
                number=1,
                provider_id=7,
                provider_name="p",
                started_at=now,
                dot_at=now,
                detail={"deliveries": [claimed.deliveries[0].id]},
            )
        )
    assert recover(bench.database, now=now, lease=15) == 1
    story = bench.story(message_id)
    assert statuses(bench, message_id) == {"on-the-wire@example.org": "deferred", "not-yet@example.org": "queued"}
    assert story["deliveries"][0]["next_attempt_at"] > (now + timedelta(seconds=20)).isoformat()
    assert story["next_attempt_at"] <= datetime.now(UTC).isoformat(), "the other one is sent at once"


def test_a_limit_of_recipients_splits_and_each_part_has_its_own_outcome(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server({"final_dot": [None, reply("554 5.7.1 Message rejected as spam")]})
    bench.provider(server.port, recipients_per_message=2)
    message_id = bench.submit(*(f"p{number}@example.org" for number in range(4)))
    bench.engine.drain()
    assert sorted(statuses(bench, message_id).values()) == ["accepted", "accepted", "failed", "failed"]
    assert [len(taken.recipients) for taken in server.taken] == [2]


def test_bcc_is_in_the_envelope_and_never_in_a_header(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port)
    bench.submit("to@example.org", cc=["cc@example.org"], bcc=["secret@example.org"])
    bench.engine.drain()
    (taken,) = server.wait_for(1)
    assert sorted(taken.recipients) == ["cc@example.org", "secret@example.org", "to@example.org"]
    assert b"secret@" not in taken.data
    assert b"bcc" not in taken.data.lower()
