"""PostgreSQL's connection ends in the middle of a commit: whether it was carried out is found out, not guessed."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from senddock.dispatch.outbox import Outbox, utcnow
from senddock.dispatch.recover import recover
from senddock.models import Attempt, Database, HourlyRollup, Message
from senddock.secrets.vault import Vault
from tests.conftest import Bench, new_postgresql
from tests.cut_line import CutLine, cut_line
from tests.dispatch.test_outbox import mail
from tests.e2e.house import until
from tests.smtp_server import ScriptedSMTP


@pytest.fixture
def line(postgres_socket: str) -> Iterator[CutLine]:
    with cut_line(postgres_socket) as made:
        yield made


@pytest.fixture
def over_line(line: CutLine, postgres_socket: str, postgres_template: str) -> Iterator[Database]:
    """A PostgreSQL database at the end of the line."""
    with (
        new_postgresql(postgres_socket, postgres_template) as url,
        contextlib.closing(Database(line.url(url))) as made,
    ):
        yield made


@pytest.fixture
def direct(over_line: Database, postgres_socket: str) -> Iterator[Database]:
    """The same database, not over the line: for what the test does itself."""
    with contextlib.closing(Database(f"{over_line.url.partition('?')[0]}?host={postgres_socket}")) as made:
        yield made


def stored(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(select(Message.id)))


@pytest.mark.parametrize("before", [False, True], ids=["carried out", "not carried out"])
def test_a_crowd_is_stored_once_and_everybody_is_told_so(over_line: Database, line: CutLine, before: bool) -> None:
    together, begun = threading.Event(), []
    real = over_line.transaction

    def watched() -> Any:
        begun.append(1)
        # The first waits until the others have come, so that they share a commit; that one is cut.
        together.wait(60)
        line.cuts = 1 if len(begun) == 2 else line.cuts
        return real()

    over_line.transaction = watched  # type: ignore[method-assign]
    line.before = before
    outbox = Outbox(over_line, lambda: None)
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.extend(outbox.submit([mail()]).ids)) for _ in range(12)]
    threads[0].start()
    until(lambda: begun, 60, lambda: "nothing is committed")
    for thread in threads[1:]:
        thread.start()
    until(lambda: outbox._orders.qsize() == 11, 60, outbox._orders.qsize)
    together.set()
    for thread in threads:
        thread.join(60)
    outbox.close()
    assert (line.cuts, len(begun)) == (0, 3)
    assert len(set(ids)) == 12
    assert stored(over_line) == set(ids), "what was told is there, and nothing else"


@pytest.mark.parametrize("before", [False, True], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("naming", [b"dot_mark", b"state = 'sending'"], ids=["marks and outcomes", "claims"])
def test_what_a_worker_writes_is_written_once(
    over_line: Database,
    direct: Database,
    line: CutLine,
    vault: Vault,
    smtp_server: Callable[..., ScriptedSMTP],
    before: bool,
    naming: bytes,
) -> None:
    server = smtp_server()
    bench = Bench(over_line, vault, None)
    try:
        bench.provider(server.port)
        ids = [bench.submit(f"p{number}@example.org") for number in range(6)]
        assert bench.engine.worker_id
        line.before, line.naming, line.cuts = before, naming, 3

        def all_accepted() -> bool:
            # What a claim has taken whose commit was not answered is taken back by the clock.
            recover(direct, now=utcnow() + timedelta(minutes=2), lease=300)
            with direct.write() as session:
                session.execute(update(Message).where(Message.due_at.is_not(None)).values(due_at=utcnow()))
            bench.engine.drain(longest=2)
            return all(bench.story(message_id)["state"] == "accepted" for message_id in ids)

        until(all_accepted, 60, lambda: [bench.story(message_id) for message_id in ids])
        assert line.cuts == 0
        assert len(server.taken) == 6, "none is sent twice"
        with direct.read() as session:
            classes = session.scalars(select(Attempt.verdict_class)).all()
            counted = session.scalar(select(func.sum(HourlyRollup.attempts)))
        assert (set(classes), len(classes), counted) == ({"accepted"}, 6, 6)
    finally:
        bench.close()
