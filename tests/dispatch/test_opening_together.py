"""How soon further sessions are opened beside the first one: as soon as nothing is risked by it."""

import threading
from collections.abc import Callable

from tests.conftest import Bench
from tests.smtp_server import PATIENCE, Fault, ScriptedSMTP, stall

Servers = Callable[..., ScriptedSMTP]


def test_without_a_sign_in_the_others_follow_the_greeting(bench: Bench, smtp_server: Servers) -> None:
    several, together = threading.Event(), []

    def greet(_: str) -> None:
        if server.connections > 1:
            several.set()

    def wait_for_the_others(_: str) -> None:
        together.append(several.wait(PATIENCE))

    server = smtp_server({"greeting": greet, "ehlo": wait_for_the_others})
    bench.provider(server.port, timeouts={"session": 2 * PATIENCE})
    for _ in range(10):
        bench.submit()
    bench.engine.drain()
    assert len(server.wait_for(10)) == 10
    assert set(together) == {True}, "a second one was opened while the first was being made ready"


def test_with_a_sign_in_they_wait_until_it_has_been_accepted(bench: Bench, smtp_server: Servers) -> None:
    open_then: list[int] = []

    def note(_: str) -> Fault | None:
        open_then.append(server.connections)
        return None

    server = smtp_server({"auth": note}, users={"u": "secret"})
    bench.provider(server.port, username="u", password="secret")
    for _ in range(10):
        bench.submit()
    bench.engine.drain()
    assert len(server.wait_for(10)) == 10
    assert open_then[0] == 1


def test_a_server_that_greets_and_then_stalls_costs_each_lane_one_time_out_at_most(
    bench: Bench, smtp_server: Servers
) -> None:
    stuck, good = smtp_server({"ehlo": stall()}), smtp_server()
    bench.provider(stuck.port, "stuck", 1, timeouts={"session": 1})
    bench.provider(good.port, "good", 2)
    ids = [bench.submit(f"p{number}@example.org") for number in range(40)]
    bench.engine.drain()
    assert len(good.wait_for(40)) == 40
    tried = [attempt["provider"] for message_id in ids for attempt in bench.story(message_id)["attempts"]]
    assert 1 <= tried.count("stuck") <= 3, "the engine of this test has three lanes"
    assert tried.count("good") == 40
