"""The row of a worker's dot marks: on disk before the dot, gone with the outcome, and enough to tell what is in doubt."""

import errno
import os
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import update

from senddock.dispatch import dot_marks
from senddock.dispatch.recover import recover
from senddock.dispatch.settlement import Settlement
from senddock.models import Message
from tests.conftest import Bench
from tests.dispatch.rows import NOW, held, mark_of
from tests.smtp_server import ScriptedSMTP, reply, reset

Servers = Callable[..., ScriptedSMTP]


def marked(bench: Bench) -> list[tuple[str, int]]:
    with bench.database.read() as session:
        return [(mark.message_id, mark.attempt["number"]) for mark in dot_marks.marks_of(session)]


def test_a_message_on_the_wire_is_marked_until_its_outcome_is_on_disk(bench: Bench, smtp_server: Servers) -> None:
    seen: list[list[tuple[str, int]]] = []
    shown: list[dict[str, object]] = []

    def look(_: str) -> None:
        seen.append(marked(bench))
        shown.append(bench.story(message_id)["attempts"][-1])

    server = smtp_server({"final_dot": look})
    bench.provider(server.port)
    message_id = bench.submit()
    bench.engine.drain()
    assert seen == [[(message_id, 1)]], "on disk before the dot arrives"
    assert (shown[0]["provider"], shown[0]["stage"], shown[0]["class"]) == ("one", "final_dot", None)
    assert shown[0]["plan"] == bench.story(message_id)["attempts"][0]["plan"]
    assert marked(bench) == []


def test_what_a_dead_worker_had_marked_is_uncertain_and_keeps_its_plan(bench: Bench) -> None:
    recorder, message_id, fence = held(bench)
    mark = mark_of(message_id, fence)
    recorder.commit([mark])
    assert mark.committed
    assert recover(bench.database, now=NOW + timedelta(seconds=60), lease=15) == 1
    story = bench.story(message_id)
    attempt = story["attempts"][0]
    assert (attempt["class"], attempt["provider_id"], attempt["plan"]) == ("uncertain", 7, {"why": "priority 1"})
    assert story["deliveries"][0]["status"] == "deferred"


def test_a_mark_under_an_old_fence_says_nothing_about_the_message(bench: Bench) -> None:
    recorder, message_id, fence = held(bench)
    recorder.commit([mark_of(message_id, fence)])
    with bench.database.write() as session:
        session.execute(update(Message).where(Message.id == message_id).values(fence=fence + 1))
    recover(bench.database, now=NOW + timedelta(seconds=60), lease=15)
    assert (bench.story(message_id)["state"], bench.story(message_id)["attempts"]) == ("queued", [])


def test_the_mark_of_the_next_attempt_outlives_the_outcome_of_the_one_before(bench: Bench) -> None:
    recorder, message_id, fence = held(bench)
    first = mark_of(message_id, fence)
    recorder.commit([first])
    outcome = {**first.attempt, "finished_at": NOW, "stage": "final_dot", "verdict_class": "server_transient"}
    recorder.settle(Settlement(message_id, fence, attempt=outcome, marked=True))
    recorder.commit([mark_of(message_id, fence, 2)])
    assert marked(bench) == [(message_id, 2)]
    recover(bench.database, now=NOW + timedelta(seconds=60), lease=15)
    classes = [attempt["class"] for attempt in bench.story(message_id)["attempts"]]
    assert classes == ["server_transient", "uncertain"]


def test_what_a_defect_leaves_behind_keeps_its_mark(bench: Bench) -> None:
    recorder, message_id, fence = held(bench)
    recorder.commit([mark_of(message_id, fence)])
    recorder.leave(message_id, fence)
    recorder.settle(Settlement(message_id, fence - 1))
    recorder.commit([])
    recover(bench.database, now=NOW, lease=15)
    assert bench.story(message_id)["attempts"][0]["class"] == "uncertain"


def test_a_refusal_after_the_dot_and_the_next_provider_leave_one_row_each(bench: Bench, smtp_server: Servers) -> None:
    first, second = smtp_server({"final_dot": reply("451 4.3.0 Try again later")}), smtp_server()
    bench.provider(first.port, "first", 1)
    bench.provider(second.port, "second", 2)
    message_id = bench.submit()
    bench.engine.drain()
    attempts = bench.story(message_id)["attempts"]
    assert [(item["number"], item["provider"], item["class"]) for item in attempts] == [
        (1, "first", "server_transient"),
        (2, "second", "accepted"),
    ]
    assert marked(bench) == []


def test_a_link_that_dies_after_the_dot_leaves_one_uncertain_row(bench: Bench, smtp_server: Servers) -> None:
    bench.provider(smtp_server({"final_dot": [reset()]}).port)
    message_id = bench.submit()
    bench.engine.drain()
    assert [item["class"] for item in bench.story(message_id)["attempts"]] == ["uncertain"]
    assert marked(bench) == []


def test_a_commit_the_disk_does_not_confirm_sends_nothing(
    sqlite_bench: Bench, smtp_server: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = smtp_server()
    sqlite_bench.provider(server.port)
    message_id = sqlite_bench.submit()
    real, failures = os.fdatasync, [1]

    def failing(descriptor: int) -> None:
        if failures:
            failures.pop()
            assert server.taken == []
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", failing)
    sqlite_bench.engine.drain(longest=3)
    assert failures == []
    assert len(server.wait_for(1)) == 1, "it goes back to the queue and is sent once"
    assert [item["class"] for item in sqlite_bench.story(message_id)["attempts"]] == ["accepted"]


def test_marks_of_many_name_their_plans_once(bench: Bench) -> None:
    marks = [mark_of(f"{number:036}", 1) for number in range(20)]
    (bound,) = dot_marks.bind(bench.database.engine.dialect, 1, marks)
    values: Sequence[object] = list(bound.values()) if isinstance(bound, dict) else bound
    assert sum(str(value).count("priority 1") for value in values) == 1
