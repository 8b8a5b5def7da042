"""A one-time password that would come too late is expired instead, wherever it is when its time is over."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from senddock.dispatch.outbox import utcnow
from tests.conftest import Bench
from tests.smtp_server import Fault, ScriptedSMTP, reply

Servers = Callable[..., ScriptedSMTP]


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "final_dot"])
def test_it_does_not_go_to_the_next_provider_after_its_time(
    sqlite_bench: Bench, smtp_server: Servers, stage: str
) -> None:
    shift = [timedelta()]

    def slow(_: str) -> Fault:
        # As if the refusal had taken ten minutes.
        shift[0] = timedelta(minutes=10)
        return reply("451 4.3.0 Try again later")

    first, second = smtp_server({stage: slow}), smtp_server()
    sqlite_bench.now = lambda: utcnow() + shift[0]
    sqlite_bench.provider(first.port, "first", 1)
    sqlite_bench.provider(second.port, "second", 2)
    message_id = sqlite_bench.submit(expires_at=utcnow() + timedelta(minutes=5))
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    assert second.taken == []
    assert story["state"] == "expired"
    assert "within its time" in str(story["deliveries"])
    assert [item["class"] for item in story["attempts"]] == ["server_transient"]


def test_it_does_not_wait_for_a_round_that_comes_after_its_time(sqlite_bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server({"mail": [reply("451 4.7.1 Greylisted, come back in 15 minutes")]})
    shift = [timedelta()]
    sqlite_bench.now = lambda: utcnow() + shift[0]
    sqlite_bench.provider(server.port)
    expires = utcnow() + timedelta(minutes=5)
    message_id = sqlite_bench.submit(expires_at=expires)
    sqlite_bench.engine.drain()
    # It is looked at when its time is over, not when the server would take it.
    assert sqlite_bench.story(message_id)["next_attempt_at"][:19] == expires.isoformat()[:19]
    shift[0] = timedelta(minutes=6)
    sqlite_bench.engine.drain()
    assert sqlite_bench.story(message_id)["state"] == "expired"
    assert server.taken == []
