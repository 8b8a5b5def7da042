"""SIGTERM: what is on the wire is finished, the rest is given back, nothing is left in doubt."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable

from sqlalchemy import select

from senddock.models import Attempt, Database, Message
from tests.e2e.house import installation, name_of, until
from tests.smtp_server import Fault, ScriptedSMTP


def test_it_finishes_what_is_on_the_wire_and_gives_back_the_rest(smtp_server: Callable[..., ScriptedSMTP]) -> None:
    answer = threading.Event()

    def slowly(_argument: str) -> Fault | None:
        answer.wait()
        return None

    server = smtp_server({"reply": slowly})
    with installation({"SENDDOCK_WORKERS": "1"}) as house:
        house.start()
        house.provider("slow", server.port, 1, max_connections="2")
        token = house.json("key", "create", "--name", "shop")["token"]
        for number in range(12):
            code, _ = house.post("/api/emails", {"to": f"p{number}@example.org", "subject": "x", "text": "x"}, token)
            assert code == 200
        # The provider has messages whose answers are still to come, just when the operator stops everything.
        server.wait_for(2)
        threading.Timer(1.0, answer.set).start()
        assert house.stop() == 0
        with (
            contextlib.closing(Database(f"sqlite:///{house.data}/senddock.db")) as database,
            database.read() as session,
        ):
            classes = set(session.scalars(select(Attempt.verdict_class)))
            rows = session.execute(select(Message.state, Message.worker_id)).all()
    assert classes == {"accepted"}
    accepted = [row for row in rows if row.state == "accepted"]
    assert len(accepted) == len(server.taken)
    assert {row.state for row in rows} == {"accepted", "queued"}
    assert all(row.worker_id is None for row in rows)


def test_a_second_sigterm_does_not_cut_off_what_the_first_one_lets_finish(
    smtp_server: Callable[..., ScriptedSMTP],
) -> None:
    answer = threading.Event()

    def slowly(_argument: str) -> Fault | None:
        answer.wait()
        return None

    server = smtp_server({"reply": slowly})
    with installation({"SENDDOCK_WORKERS": "1"}) as house:
        house.start()
        house.provider("slow", server.port, 1)
        token = house.json("key", "create", "--name", "shop")["token"]
        message_id = house.post("/api/emails", {"to": "a@example.org", "subject": "x", "text": "x"}, token)[1]["id"]
        server.wait_for(1)
        worker = next(pid for pid in house.children() if name_of(pid) == "sd-worker-1")
        os.kill(worker, signal.SIGTERM)
        # RQ takes a signal within a second of the first one for the same, and each one after it would be a blow of its own.
        for seconds in (1.2, 0.4, 0.4):
            begun = time.monotonic()
            until(lambda begun=begun, seconds=seconds: time.monotonic() - begun > seconds, 60, house.log.read_text)
            os.kill(worker, signal.SIGTERM)
        answer.set()
        until(lambda: name_of(worker) != "sd-worker-1", 60, house.log.read_text)
        assert house.get(f"/api/emails/{message_id}", token)[1]["last_event"] == "sent"
        assert house.stop() == 0
        with (
            contextlib.closing(Database(f"sqlite:///{house.data}/senddock.db")) as database,
            database.read() as session,
        ):
            assert session.scalars(select(Attempt.verdict_class)).all() == ["accepted"]
        assert len(server.taken) == 1
