"""The statistics are the attempts: the same sums, on both databases, whatever happened in between."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from senddock.dispatch import statistics
from senddock.dispatch.dot_marks import Mark
from senddock.dispatch.recover import recover
from senddock.dispatch.settlement import Settlement, write
from senddock.domain.span import SPANS
from senddock.models import Attempt, Database, DomainRollup, HourlyRollup, LatencyRollup, Message
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, closed_port, reply

Servers = Callable[..., ScriptedSMTP]


def pairs(result: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in result}


def sums_agree(database: Database) -> None:
    with database.read() as session:
        counted = session.execute(
            select(HourlyRollup.provider_id, HourlyRollup.verdict_class, func.sum(HourlyRollup.attempts))
            .group_by(HourlyRollup.provider_id, HourlyRollup.verdict_class)
            .having(func.sum(HourlyRollup.attempts) != 0)
        ).all()
        made = session.execute(
            select(Attempt.provider_id, Attempt.verdict_class, func.count())
            .where(Attempt.finished_at.is_not(None))
            .group_by(Attempt.provider_id, Attempt.verdict_class)
        ).all()
        assert sorted(map(tuple, counted)) == sorted(map(tuple, made))
        answered = session.scalar(select(func.sum(Attempt.recipients)).where(Attempt.finished_at.is_not(None)))
        assert session.scalar(select(func.sum(HourlyRollup.recipients))) == answered
        assert session.scalar(select(func.sum(DomainRollup.recipients))) == answered
        accepted = session.execute(
            select(func.count(), func.sum(Attempt.duration_ms)).where(Attempt.verdict_class == "accepted")
        ).one()
        assert (session.scalar(select(func.sum(LatencyRollup.attempts))) or 0) == accepted[0]
        assert session.scalar(select(func.sum(HourlyRollup.failed_over))) == session.scalar(
            select(func.count()).where(Attempt.fail_over)
        )
        took = session.scalar(
            select(func.sum(HourlyRollup.duration_ms)).where(HourlyRollup.verdict_class == "accepted")
        )
        assert abs((took or 0) - (accepted[1] or 0)) < 0.01


def test_every_attempt_and_every_recipient_is_counted_once(bench: Bench, smtp_server: Servers) -> None:
    def refuse(address: str) -> object:
        answers = {"gone@gmail.com": "550 5.1.1 No such user", "full@example.org": "452 4.2.2 Mailbox full"}
        return reply(answers[address]) if address in answers else None

    server = smtp_server({"rcpt": refuse})
    bench.provider(closed_port(), "dead", 1)
    bench.provider(server.port, "alive", 2, recipients_per_message=2)
    bench.submit("ok@example.org", "gone@gmail.com", "full@example.org", "also@gmail.com", "fine@example.net")
    for number in range(6):
        bench.submit(f"p{number}@gmail.com", stream_id=1 + number % 2)
    bench.engine.drain()
    sums_agree(bench.database)
    with bench.database.read() as session:
        named = pairs(
            session.execute(
                select(DomainRollup.domain, func.sum(DomainRollup.recipients))
                .where(DomainRollup.verdict_class == "recipient_permanent")
                .group_by(DomainRollup.domain)
            )
        )
        assert named == {"gmail.com": 1}
        now = datetime.now(UTC)
        cards = statistics.cards(session, statistics.day_of(session, now))
        by_name = {card.accepted_day: card for card in cards.values()}
        dead, alive = by_name[0], by_name[max(by_name)]
        assert (dead.rate_day, alive.rate_hour) == (0.0, 1.0)
        assert dead.classes == {"connection": dead.attempts_day}
        assert [(error.text, error.times) for error in dead.errors] == [("Connection refused", dead.attempts_day)]
        assert alive.p95 is not None
        assert alive.p50 is not None
        assert 0 < alive.p50 <= alive.p95
        for span in SPANS.values():
            series = statistics.series_by_provider(session, now, span)
            assert sum(sum(filter(None, line)) for line in series.lines.values()) == 9
            assert series.starts[-1] <= now < series.starts[-1] + timedelta(hours=series.step_hours)


@pytest.mark.parametrize("lost", [0, 1], ids=["nobody took it", "another worker took it"])
def test_an_attempt_in_doubt_is_counted_as_uncertain_until_its_outcome_arrives_after_all(
    bench: Bench, smtp_server: Servers, lost: int
) -> None:
    server = smtp_server()
    bench.provider(server.port)
    message_id = bench.submit("a@example.org")
    held: list[Settlement] = []
    bench.engine.recorder.settle = held.append  # type: ignore[method-assign]
    bench.engine.drain()
    server.wait_for(1)
    with bench.database.write() as session:
        session.execute(update(Message).where(Message.id == message_id).values(worker_id=0))
    assert recover(bench.database, now=datetime.now(UTC), lease=15) == 1
    sums_agree(bench.database)
    with bench.database.read() as session:
        assert pairs(session.execute(select(HourlyRollup.verdict_class, HourlyRollup.recipients)).all()) == {
            "uncertain": 1
        }
    # The outcome arrives after all, from a holder that was only slow: what was counted in doubt is taken back.
    late = next(item for item in held if item.attempt is not None)  # `settle` would have seen that it was marked
    bench.engine.recorder._commit([], [replace(late, fence=late.fence - lost, marked=True)])
    sums_agree(bench.database)
    with bench.database.read() as session:
        assert pairs(
            session.execute(
                select(HourlyRollup.verdict_class, HourlyRollup.recipients).where(HourlyRollup.recipients != 0)
            )
        ) == {"accepted": 1}


def test_a_commit_that_fails_counts_nothing_and_its_repetition_counts_once(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port)
    real, failures = bench.engine.recorder._commit, [2]

    def failing(marks: list[Mark], settlements: list[Settlement]) -> None:
        if settlements and failures[0]:
            failures[0] -= 1
            with bench.database.pen() as pen:
                write(pen, settlements)
                raise RuntimeError("the process ends between writing and committing")
        real(marks, settlements)

    bench.engine.recorder._commit = failing  # type: ignore[method-assign,assignment]
    for number in range(4):
        bench.submit(f"p{number}@example.org")
    bench.engine.drain()
    sums_agree(bench.database)
