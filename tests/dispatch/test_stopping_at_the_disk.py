"""A worker that is told to stop while the disk keeps it waiting for its marks leaves nothing in doubt."""

import os
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from senddock.models import Attempt, Message
from tests.conftest import Bench
from tests.smtp_server import PATIENCE, ScriptedSMTP


def test_what_waited_for_the_disk_is_sent_and_the_rest_goes_back(
    sqlite_bench: Bench, smtp_server: Callable[..., ScriptedSMTP], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = smtp_server()
    sqlite_bench.provider(server.port, max_connections=2)
    ids = [sqlite_bench.submit() for _ in range(12)]
    engine = sqlite_bench.engine
    waiting, go_on, real = threading.Event(), threading.Event(), os.fdatasync

    def slow(descriptor: int) -> None:
        waiting.set()
        go_on.wait(PATIENCE)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    drain = threading.Thread(target=engine.drain)
    drain.start()
    assert waiting.wait(PATIENCE)
    assert server.taken == []
    engine.request_stop()
    go_on.set()
    engine.stop(PATIENCE)
    drain.join(PATIENCE)
    with sqlite_bench.database.read() as session:
        classes = session.scalars(select(Attempt.verdict_class)).all()
        rows = session.execute(select(Message.state, Message.worker_id)).all()
    assert set(classes) == {"accepted"}
    assert len(classes) == len(server.taken) < len(ids)
    assert {row.state for row in rows} == {"accepted", "queued"}
    assert all(row.worker_id is None for row in rows)
