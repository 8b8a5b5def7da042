"""What dead workers held: queued again before the dot, uncertain after it, and left alone while they live."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from senddock.dispatch.claim import claim
from senddock.dispatch.clock import Clock
from senddock.dispatch.recover import recover
from senddock.models import Attempt, Event, Message, Worker
from tests.conftest import Bench

NOW = datetime.now(UTC)


def worker(bench: Bench, *, pid: int, host: str, heartbeat: datetime) -> int:
    with bench.database.write() as session:
        row = Worker(host=host, pid=pid, started_at=heartbeat, heartbeat_at=heartbeat)
        session.add(row)
        session.flush()
        return row.id


def hold(bench: Bench, worker_id: int) -> str:
    message_id = bench.submit()
    assert len(claim(bench.database, worker_id=worker_id, stream_ids=[1], limit=9, now=datetime.now(UTC))) == 1
    return message_id


def mark(bench: Bench, message_id: str, **values: Any) -> None:
    with bench.database.write() as session:
        session.execute(
            insert(Attempt).values(
                message_id=message_id, number=1, provider_id=7, provider_name="p", started_at=NOW, dot_at=NOW, **values
            )
        )


def test_a_silent_worker_on_another_host_loses_its_messages_after_the_lease(bench: Bench) -> None:
    worker_id = worker(bench, pid=1, host="elsewhere", heartbeat=NOW)
    message_id = hold(bench, worker_id)
    assert recover(bench.database, now=NOW + timedelta(seconds=14), lease=15) == 0
    assert bench.story(message_id)["deliveries"][0]["status"] == "sending"
    assert recover(bench.database, now=NOW + timedelta(seconds=16), lease=15) == 1
    assert bench.story(message_id)["state"] == "queued"
    with bench.database.read() as session:
        assert session.scalars(select(Event.kind).where(Event.message_id == message_id)).all() == [
            "submitted",
            "recovered",
        ]
        assert session.scalars(select(Message.fence).where(Message.id == message_id)).one() == 2


def test_a_dead_process_on_this_host_is_noticed_at_once(bench: Bench) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    message_id = hold(bench, worker(bench, pid=child, host=os.uname().nodename, heartbeat=NOW))
    assert recover(bench.database, now=NOW, lease=15) == 1
    assert bench.story(message_id)["state"] == "queued"


def test_a_mark_without_an_outcome_is_uncertain_and_stays_with_its_provider(bench: Bench) -> None:
    message_id = hold(bench, worker(bench, pid=1, host="elsewhere", heartbeat=NOW - timedelta(minutes=1)))
    mark(bench, message_id)
    recover(bench.database, now=NOW, lease=15)
    story = bench.story(message_id)
    assert (story["state"], story["attempts"][0]["class"], story["attempts"][0]["stage"]) == (
        "deferred",
        "uncertain",
        "reply",
    )
    with bench.database.write() as session:
        session.execute(update(Message).where(Message.id == message_id).values(due_at=NOW))
    (claimed,) = claim(bench.database, worker_id=1, stream_ids=[1], limit=9, now=datetime.now(UTC))
    assert claimed.deliveries[0].sticky_provider_id == 7
    assert claimed.row.attempts == 1


def test_an_attempt_with_its_outcome_is_not_in_doubt(bench: Bench) -> None:
    message_id = hold(bench, worker(bench, pid=1, host="elsewhere", heartbeat=NOW - timedelta(minutes=1)))
    mark(bench, message_id, finished_at=NOW, verdict_class="connection")
    recover(bench.database, now=NOW, lease=15)
    assert bench.story(message_id)["state"] == "queued"


def test_a_worker_that_was_taken_for_dead_keeps_what_it_claims_from_then_on(bench: Bench, smtp_server: Any) -> None:
    taken_back: list[int] = []

    def look(_: str) -> None:
        taken_back.append(recover(bench.database, now=datetime.now(UTC), lease=15))

    server = smtp_server({"mail": look})
    bench.provider(server.port)
    worker_id = bench.engine.worker_id
    with bench.database.write() as session:
        # As recovery leaves it behind that found it suspended.
        session.execute(update(Worker).where(Worker.id == worker_id).values(stopped_at=NOW))
    message_id = bench.submit()
    bench.engine.drain()
    assert taken_back == [0]
    assert [attempt["class"] for attempt in bench.story(message_id)["attempts"]] == ["accepted"]


def test_a_clock_that_jumps_forward_takes_nothing_from_living_workers(bench: Bench) -> None:
    worker_id = worker(bench, pid=1, host="elsewhere", heartbeat=NOW)
    hold(bench, worker_id)
    moments = iter([NOW, *([NOW + timedelta(hours=1)] * 50)])
    woken: list[int] = []
    clock = Clock(bench.database, lambda: woken.append(1), lease=15, now=lambda: next(moments))
    clock.look(100.0)
    clock.look(101.0)
    assert clock._trusted_from == 101.0 + 15


def test_the_clock_wakes_workers_for_due_mail_only(bench: Bench) -> None:
    clock = Clock(bench.database, lambda: None, lease=15)
    assert not clock.due()
    bench.submit(scheduled_at=datetime.now(UTC) + timedelta(hours=1))
    assert not clock.due()
    bench.submit()
    assert clock.due()
