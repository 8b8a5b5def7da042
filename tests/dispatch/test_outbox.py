"""The door for new mail: one commit for a crowd, an answer only after it."""

import contextlib
import queue
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from senddock.dispatch import outbox as outbox_module
from senddock.dispatch.channels import Channel
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.outbox import Outbox
from senddock.dispatch.submission import Idempotency, IdempotencyConflict, Submission
from senddock.models import Database, Delivery, Message, StorageUnavailable, Suppression


def mail(**values: Any) -> Submission:
    given: dict[str, Any] = {"to": ["a@example.org"], "from_": "us@example.com", "subject": "x", "text": "y", **values}
    return submission_of(Mail(**given), Channel(1, 1, "api"), datetime.now(UTC))


def test_a_crowd_shares_commits_and_everybody_gets_an_id(database: Database) -> None:
    commits, woken = [], []
    real = database.transaction

    def counting() -> Any:
        commits.append(1)
        return real()

    database.transaction = counting  # type: ignore[method-assign]
    outbox = Outbox(database, lambda: woken.append(1))
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.extend(outbox.submit([mail()]).ids)) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.close()
    assert len(set(ids)) == 60
    assert len(commits) < 60
    assert len(woken) == len(commits)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 60


def test_one_bad_submission_does_not_take_the_others_with_it(database: Database) -> None:
    outbox = Outbox(database, lambda: None)
    good, bad = mail(), mail()
    object.__setattr__(bad, "stream_id", 999)
    failures = []

    def submit(item: Submission) -> None:
        try:
            outbox.submit([item])
        except Exception as error:
            failures.append(type(error).__name__)

    threads = [threading.Thread(target=submit, args=(item,)) for item in (good, bad, good, bad, good)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.close()
    assert failures == ["IntegrityError", "IntegrityError"]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 3


def test_the_same_key_from_two_threads_stores_one(database: Database) -> None:
    boxes = [Outbox(database, lambda: None) for _ in range(2)]
    answers: list[Any] = []

    def submit(outbox: Outbox) -> None:
        key = Idempotency(1, "emails", "k", "hash", lambda ids: ids[0])
        receipt = outbox.submit([mail()], idempotency=key)
        answers.append(receipt.replayed or receipt.ids[0])

    threads = [threading.Thread(target=submit, args=(box,)) for box in boxes * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 10
    assert len(set(answers)) == 1
    with pytest.raises(IdempotencyConflict):
        boxes[0].submit([mail()], idempotency=Idempotency(1, "emails", "k", "other", lambda ids: ids[0]))
    for box in boxes:
        box.close()


def test_scheduled_mail_waits_and_suppressed_addresses_get_nothing(database: Database) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        session.add(Suppression(project_id=1, address="gone@example.org", origin="manual", created_at=now))
    outbox = Outbox(database, lambda: None)
    later = outbox.submit([mail(scheduled_at=now + timedelta(hours=1))]).ids[0]
    none = outbox.submit([mail(to=["Gone@example.org"])]).ids[0]
    mixed = outbox.submit([mail(to=["gone@example.org", "a@example.org"])]).ids[0]
    outbox.close()
    with database.read() as session:
        rows = {row.id: row for row in session.scalars(select(Message))}
        kept = session.scalars(select(Delivery.status).where(Delivery.message_id == mixed).order_by(Delivery.id)).all()
    assert (rows[later].state, rows[later].due_at) == ("scheduled", rows[later].scheduled_at)
    assert (rows[none].state, rows[none].due_at) == ("suppressed", None)
    assert kept == ["suppressed", "queued"]


def test_what_waited_too_long_for_the_one_writer_is_refused_and_never_stored(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "_PATIENCE", 0.2)
    box = Outbox(sqlite, lambda: None)
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    # A writer that has stopped in the middle of its turn, as a suspended process does.
    with contextlib.closing(Database(sqlite.url)) as other, other.transaction():
        box.submit_soon([mail()], answers.put)
        with pytest.raises(StorageUnavailable, match="in time"):
            box.submit([mail()])
    assert isinstance(answers.get(timeout=60), StorageUnavailable)
    monkeypatch.setattr(outbox_module, "_PATIENCE", 60.0)
    (kept,) = box.submit([mail()]).ids
    box.close()
    with sqlite.read() as session:
        assert session.scalars(select(Message.id)).all() == [kept]
