"""Defects of ours: one message or one row that cannot be handled neither stops the others nor stays held for ever."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from senddock.dispatch import engine, message_state, recorder
from senddock.dispatch.engine import LEASE
from senddock.dispatch.recover import recover
from senddock.models import Database, StorageUnavailable
from tests.conftest import Bench
from tests.e2e.house import until
from tests.smtp_server import ScriptedSMTP, reply

Servers = Callable[..., ScriptedSMTP]


def taken_back(bench: Bench) -> int:
    return recover(bench.database, now=datetime.now(UTC), lease=LEASE)


def test_a_reply_with_control_characters_is_kept_readable(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server({"final_dot": reply("550 5.1.1 No\x00 such\x1b[31m user")})
    bench.provider(server.port)
    message_id = bench.submit()
    bench.engine.drain()
    story = bench.story(message_id)
    assert story["state"] == "failed"
    assert story["attempts"][0]["text"] == "No\ufffd such\ufffd[31m user"


def test_a_message_that_cannot_be_planned_does_not_stop_the_others(
    bench: Bench, smtp_server: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    server = smtp_server()
    bench.provider(server.port)
    bad, good = bench.submit(), bench.submit()
    real = bench.engine.planner.place

    def place(task: Any) -> Any:
        if task.id == bad:
            raise RuntimeError("a defect")
        return real(task)

    bench.engine.planner.place = place  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR):
        bench.engine.drain()
    assert bench.story(good)["state"] == "accepted"
    assert taken_back(bench) == 1
    story = bench.story(bad)
    assert story["state"] == "queued"
    assert story["next_attempt_at"] > (datetime.now(UTC) + timedelta(seconds=30)).isoformat()


def test_a_message_that_could_not_be_let_go_of_at_once_is_let_go_of_later(
    bench: Bench, smtp_server: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.provider(smtp_server().port)
    bad = bench.submit()
    refusals = iter([False, False])

    def place(_: Any) -> Any:
        raise RuntimeError("a defect")

    def let_go(database: Database, message_id: str, fence: int) -> bool:
        return next(refusals, True) and message_state.abandon(database, message_id, fence)

    monkeypatch.setattr(bench.engine.planner, "place", place)
    monkeypatch.setattr(recorder, "abandon", let_go)
    bench.engine.drain()
    assert next(refusals, None) is None, "the drain ends when nothing is held any more"
    assert taken_back(bench) == 1
    assert bench.story(bad)["state"] == "queued"


@pytest.mark.parametrize(("where", "state"), [("commit", "accepted"), ("answered", "deferred")])
def test_a_lane_that_breaks_leaves_its_message_to_recovery(
    bench: Bench, smtp_server: Servers, where: str, state: str
) -> None:
    server = smtp_server()
    bench.provider(server.port)
    first, second = bench.submit(), bench.submit()
    owner = bench.engine.recorder if where == "commit" else bench.engine.planner
    real, broken = getattr(owner, where), []

    def breaks(*args: Any, **values: Any) -> Any:
        if not broken:
            broken.append(args)
            raise RuntimeError("a defect")
        return real(*args, **values)

    setattr(owner, where, breaks)
    bench.engine.drain()
    taken_back(bench)
    states = sorted(bench.story(message_id)["state"] for message_id in (first, second))
    # Before its dot it is sent again; after it nobody can know, so it is uncertain and tried once more later.
    assert state in states
    assert set(states) <= {"accepted", state, "queued"}
    assert len(server.taken) == 2
    assert bench.engine.lanes.outstanding == 0


def test_a_row_that_cannot_be_written_does_not_end_the_recorder(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port)
    message_id = bench.submit()
    real, poisoned = bench.engine.recorder.settle, []

    def settle(settlement: Any) -> None:
        if settlement.attempt and not poisoned:
            poisoned.append(settlement)
            settlement.attempt["detail"] = {"cannot": object()}
        real(settlement)

    bench.engine.recorder.settle = settle  # type: ignore[method-assign]
    bench.engine.drain()
    later = bench.submit()
    bench.engine.drain()
    assert bench.story(later)["state"] == "accepted"
    taken_back(bench)
    assert bench.story(message_id)["state"] in ("deferred", "accepted")


@pytest.mark.parametrize(
    "error", [StorageUnavailable("server closed the connection unexpectedly"), KeyError("a defect")]
)
def test_a_claim_that_was_carried_out_and_not_answered_holds_nothing_for_ever(
    bench: Bench, smtp_server: Servers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bench.provider(smtp_server().port)
    message_id = bench.submit()
    real, broken = engine.claim, []

    def claim(*arguments: Any, **values: Any) -> Any:
        taken = real(*arguments, **values)
        if taken and not broken:
            # The server committed and died before it could say so, or a defect of ours came after it.
            broken.append(taken)
            raise error
        return taken

    monkeypatch.setattr(engine, "claim", claim)
    bench.engine.drain()
    assert broken
    until(lambda: taken_back(bench) == 1, 60, lambda: bench.story(message_id))
    story = bench.story(message_id)
    assert story["state"] == "queued"
    assert story["next_attempt_at"] is not None
