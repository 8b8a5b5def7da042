"""A worker that was only slow: what it marks, gives back and hears after recovery has taken its messages for in doubt."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from senddock.dispatch.claim import claim
from senddock.dispatch.recorder import Recorder
from senddock.dispatch.recover import recover
from senddock.dispatch.settlement import Settlement
from senddock.models import Delivery, Message, Worker
from tests.conftest import Bench
from tests.dispatch.rows import GIVEN_BACK, NOW, held, mark_of

LATER = timedelta(seconds=60)


def in_doubt(bench: Bench) -> tuple[Recorder, str, int]:
    """A message that its worker has marked and recovery has taken back, with that worker's recorder and its fence."""
    recorder, message_id, fence = held(bench)
    recorder.commit([mark_of(message_id, fence)])
    assert recover(bench.database, now=datetime.now(UTC) + LATER, lease=15) == 1
    return recorder, message_id, fence


def answer(bench: Bench, message_id: str, fence: int) -> Settlement:
    """The provider took it."""
    with bench.database.read() as session:
        delivery_id = session.scalars(select(Delivery.id).where(Delivery.message_id == message_id)).one()
    delivery: dict[str, Any] = {
        "b_id": delivery_id,
        "v_status": "accepted",
        "v_next_attempt_at": None,
        "v_tries": 1,
        "v_sticky_provider_id": None,
        "v_verdict_class": "accepted",
        "v_code": 250,
        "v_enhanced": "2.0.0",
        "v_text": "Taken",
        "v_finished_at": NOW,
        "recipient": "a@example.org",
        "suppress": False,
    }
    said = {"finished_at": NOW, "stage": "final_dot", "verdict_class": "accepted", "code": 250, "text": "Taken"}
    attempt = {**mark_of(message_id, fence).attempt, **said}
    return Settlement(message_id, fence, attempt=attempt, deliveries=[delivery])


def claimed_again(bench: Bench, message_id: str) -> None:
    with bench.database.transaction() as connection:
        connection.execute(insert(Worker).values(id=78, host="elsewhere", pid=2, started_at=NOW, heartbeat_at=NOW))
        connection.execute(update(Message).where(Message.id == message_id).values(due_at=NOW))
    assert len(claim(bench.database, worker_id=78, stream_ids=[1], limit=1, now=datetime.now(UTC))) == 1


def test_nothing_is_marked_that_recovery_has_taken_back_in_doubt(bench: Bench) -> None:
    recorder, message_id, fence = in_doubt(bench)
    again = mark_of(message_id, fence)
    recorder.commit([again])
    assert not again.committed
    assert [item["class"] for item in bench.story(message_id)["attempts"]] == ["uncertain"]


def test_what_is_given_back_overwrites_nothing_that_recovery_has_decided(bench: Bench) -> None:
    """Also where the worker never learnt that its mark was on disk, because the commit was not answered."""
    recorder, message_id, fence = in_doubt(bench)
    before = bench.story(message_id)
    for one in (recorder, Recorder(bench.database, 77)):
        one.settle(Settlement(message_id, fence, message=dict(GIVEN_BACK)))
        one.commit([])
        assert not one.waiting
        assert bench.story(message_id) == before
    assert before["deliveries"][0]["status"] == "deferred"


def test_an_answer_that_comes_before_the_message_is_sent_again_takes_the_place_of_the_doubt(bench: Bench) -> None:
    recorder, message_id, fence = in_doubt(bench)
    recorder.settle(answer(bench, message_id, fence))
    recorder.commit([])
    story = bench.story(message_id)
    assert [(item["class"], item["text"]) for item in story["attempts"]] == [("accepted", "Taken")]
    assert story["deliveries"][0]["status"] == "accepted"


def test_an_answer_that_comes_while_the_message_is_sent_again_leaves_the_doubt_that_explains_the_copy(
    bench: Bench,
) -> None:
    recorder, message_id, fence = in_doubt(bench)
    claimed_again(bench, message_id)
    recorder.settle(answer(bench, message_id, fence))
    recorder.commit([])
    story = bench.story(message_id)
    assert [item["class"] for item in story["attempts"]] == ["uncertain"]
    assert story["attempts"][0]["text"].endswith("Its answer came later: 250 Taken")
    assert story["deliveries"][0]["status"] == "accepted"
