"""A worker is suspended in the middle of a transaction until its messages have been taken from it, and then goes on."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from senddock.dispatch.outbox import utcnow
from senddock.dispatch.recover import recover
from senddock.models import Attempt, Database, Message, Worker
from tests.e2e.house import installation, until
from tests.smtp_server import Fault, ScriptedSMTP


@pytest.mark.parametrize("stage", ["mail", "reply"])
def test_what_it_held_is_sent_once(smtp_server: Callable[..., ScriptedSMTP], stage: str) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold_the_first(_: str) -> Fault | None:
        if not held.is_set():
            held.set()
            go_on.wait()
        return None

    server = smtp_server({stage: hold_the_first})
    with installation({"SENDDOCK_WORKERS": "2"}) as house:
        house.start()
        house.provider("slow", server.port, 1)
        token = house.json("key", "create", "--name", "shop")["token"]
        answer = house.post("/api/emails", {"to": "a@example.org", "subject": "x", "text": "x"}, token)[1]
        until(held.is_set, 60, house.log.read_text)
        with contextlib.closing(Database(f"sqlite:///{house.data}/senddock.db")) as database:
            with database.read() as session:
                holder = select(Worker.pid).join(Message, Message.worker_id == Worker.id)
                (pid,) = session.scalars(holder.where(Message.id == answer["id"]))
            os.kill(pid, signal.SIGSTOP)
            # With a lease that is over: the minute that it would take is not waited for.
            assert recover(database, now=utcnow(), lease=0) == 1
            if stage == "mail":
                # No dot can have left: another worker sends it.
                server.wait_for(1)
            go_on.set()
            os.kill(pid, signal.SIGCONT)

            def is_over() -> bool:
                with database.read() as session:
                    state = session.scalar(select(Message.state).where(Message.id == answer["id"]))
                    return state == "accepted" and (stage == "reply" or "was not sent" in house.log.read_text())

            until(is_over, 60, house.log.read_text)
            with database.read() as session:
                classes = session.scalars(select(Attempt.verdict_class)).all()
                due = session.scalar(select(Message.due_at))
        assert (classes, due) == (["accepted"], None)
        assert len(server.taken) == 1
        assert house.stop() == 0
