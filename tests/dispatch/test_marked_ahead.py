"""A message chained behind another may be marked with it: one commit for two dots, and what becomes of the second one.

Where the order of the messages plays a part the database is SQLite, which claims them in the order in which they came.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from senddock.dispatch import dot_marks, marking
from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.recorder import Recorder
from senddock.dispatch.recover import recover
from senddock.dispatch.settlement import Settlement
from senddock.models import Attempt, Message, Stream
from tests.conftest import Bench
from tests.dispatch.rows import NOW, all_held, mark_of
from tests.smtp_server import Fault, ScriptedSMTP, reply, reset

Servers = Callable[..., ScriptedSMTP]
LATER = timedelta(seconds=60)


@pytest.fixture(autouse=True)
def any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, the server counts as quick and a mark as fresh."""
    monkeypatch.setattr(marking, "_SOON", math.inf)
    monkeypatch.setattr(dot_marks, "_FRESH", 3600.0)


class Watched:
    """A provider with one connection that tells which messages are marked when each dot has arrived."""

    def __init__(self, bench: Bench, smtp_server: Servers, answer: Callable[[int], Fault | None] | None = None) -> None:
        self._bench = bench
        self._answer = answer
        self.seen: list[set[str]] = []
        self.server = smtp_server({"final_dot": self._look})
        bench.provider(self.server.port, max_connections=1)

    def _look(self, _: str) -> Fault | None:
        with self._bench.database.read() as session:
            self.seen.append({mark.message_id for mark in dot_marks.marks_of(session)})
        return self._answer(len(self.seen)) if self._answer is not None else None


def classes(bench: Bench, message_id: str) -> list[str]:
    return [attempt["class"] for attempt in bench.story(message_id)["attempts"]]


def test_two_chained_messages_are_marked_by_one_commit(
    bench: Bench, smtp_server: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Watched(bench, smtp_server)
    ids = [bench.submit() for _ in range(4)]
    commits: list[list[str]] = []
    real = Recorder.commit

    def commit(recorder: Recorder, marks: list[Mark]) -> None:
        if marks:
            commits.append([mark.message_id for mark in marks])
        real(recorder, marks)

    monkeypatch.setattr(Recorder, "commit", commit)
    bench.engine.drain()
    assert [len(commit) for commit in commits] == [2, 2]
    order = [message_id for commit in commits for message_id in commit]
    assert sorted(order) == sorted(ids)
    assert all(message_id in marked for message_id, marked in zip(order, provider.seen, strict=True))
    assert [classes(bench, message_id) for message_id in ids] == [["accepted"]] * 4
    assert len(provider.server.taken) == 4


def test_where_a_person_decides_about_uncertain_mail_nothing_is_marked_before_its_turn(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    with sqlite_bench.database.write() as session:
        session.execute(update(Stream).values(on_uncertain="hold"))
    provider = Watched(sqlite_bench, smtp_server)
    first, second = sqlite_bench.submit(), sqlite_bench.submit()
    sqlite_bench.engine.drain()
    assert second not in provider.seen[0]
    assert second in provider.seen[1]
    assert classes(sqlite_bench, first) == classes(sqlite_bench, second) == ["accepted"]


def test_a_long_message_is_not_marked_before_its_turn(sqlite_bench: Bench, smtp_server: Servers) -> None:
    provider = Watched(sqlite_bench, smtp_server)
    sqlite_bench.submit()
    long = sqlite_bench.submit(text="Seventy characters are in each of the lines of this very long message.\n" * 1000)
    sqlite_bench.engine.drain()
    assert (long in provider.seen[0], long in provider.seen[1]) == (False, True)


@pytest.mark.parametrize("soon", [0.1, 0.0])
def test_where_the_server_is_slow_or_not_known_nothing_is_marked_before_its_turn(
    sqlite_bench: Bench, smtp_server: Servers, monkeypatch: pytest.MonkeyPatch, soon: float
) -> None:
    """How long the server takes is known from its first answer on; none comes in no time at all."""
    monkeypatch.setattr(marking, "_SOON", soon)
    provider = Watched(sqlite_bench, smtp_server)
    ids = [sqlite_bench.submit() for _ in range(3)]
    sqlite_bench.engine.drain()
    assert ids[1] not in provider.seen[0]
    assert soon or ids[2] not in provider.seen[1]
    assert [classes(sqlite_bench, message_id) for message_id in ids] == [["accepted"]] * 3


def test_a_message_that_was_uncertain_before_is_not_marked_before_its_turn(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    """Another doubt would leave it to a person."""
    provider = Watched(sqlite_bench, smtp_server, lambda count: reset() if count == 1 else None)
    other = sqlite_bench.submit(scheduled_at=datetime.now(UTC) + LATER / 2)
    first = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    again = Bench(sqlite_bench.database, sqlite_bench.vault, None)
    again.now = lambda: datetime.now(UTC) + LATER
    again.engine.drain()
    again.close()
    assert [(first in marked, other in marked) for marked in provider.seen[:2]] == [(True, False), (False, True)]
    assert first in provider.seen[2]
    assert classes(sqlite_bench, first) == ["uncertain", "accepted"]


def test_a_worker_that_dies_between_the_dots_leaves_the_second_in_doubt_and_it_is_sent_again(
    bench: Bench,
) -> None:
    recorder, [(first, fence), (second, other)] = all_held(bench, 2)
    mark = mark_of(first, fence)
    recorder.commit([mark, mark_of(second, other)])
    outcome = {**mark.attempt, "finished_at": NOW, "stage": "final_dot", "verdict_class": "accepted"}
    recorder.settle(Settlement(first, fence, attempt=outcome))
    recorder.commit([])
    assert recover(bench.database, now=datetime.now(UTC) + LATER, lease=15) == 2
    assert (classes(bench, first), classes(bench, second)) == (["accepted"], ["uncertain"])
    assert bench.story(second)["deliveries"][0]["status"] == "deferred"


def test_a_message_refused_before_its_dot_shows_none_although_it_had_been_marked(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    def refuse(argument: str) -> Fault | None:
        return reply("550 5.1.1 No such user") if "gone@" in argument else None

    server = smtp_server({"rcpt": refuse})
    sqlite_bench.provider(server.port, max_connections=1)
    first, second, third = sqlite_bench.submit(), sqlite_bench.submit("gone@example.org"), sqlite_bench.submit()
    sqlite_bench.engine.drain()
    assert [classes(sqlite_bench, message_id) for message_id in (first, second, third)] == [
        ["accepted"],
        ["recipient_permanent"],
        ["accepted"],
    ]
    with sqlite_bench.database.read() as session:
        dots = {row[0]: row[1] for row in session.execute(select(Attempt.message_id, Attempt.dot_at))}
        assert dots[second] is None
        assert dots[first] is not None
        assert dots[third] is not None
        assert dot_marks.marks_of(session) == []


def test_a_link_that_dies_after_the_first_dot_puts_only_that_one_in_doubt(
    sqlite_bench: Bench, smtp_server: Servers
) -> None:
    provider = Watched(sqlite_bench, smtp_server, lambda count: reset() if count == 1 else None)
    first, second = sqlite_bench.submit(), sqlite_bench.submit()
    sqlite_bench.engine.drain()
    assert second in provider.seen[0]
    assert (classes(sqlite_bench, first), classes(sqlite_bench, second)) == (["uncertain"], ["accepted"])
    assert len(provider.server.taken) == 1


def test_a_mark_that_has_grown_old_is_made_again_and_a_message_taken_by_another_worker_is_not_sent(
    sqlite_bench: Bench, smtp_server: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dot_marks, "_FRESH", 0.0)

    def take(count: int) -> None:
        if count == 1:
            with sqlite_bench.database.transaction() as connection:
                connection.execute(update(Message).where(Message.id == second).values(fence=Message.fence + 1))

    provider = Watched(sqlite_bench, smtp_server, take)
    first, second, third = sqlite_bench.submit(), sqlite_bench.submit(), sqlite_bench.submit()
    sqlite_bench.engine.drain(longest=2)
    assert second in provider.seen[0]
    assert (classes(sqlite_bench, first), classes(sqlite_bench, third)) == (["accepted"], ["accepted"])
    assert len(provider.server.taken) == 2
