"""A plan made a moment ago serves the next message only where nothing that decides is different."""

from collections.abc import Callable

from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP

Servers = Callable[..., ScriptedSMTP]


def providers(bench: Bench, message_id: str) -> list[str]:
    return [attempt["provider"] for attempt in bench.story(message_id)["attempts"]]


def test_messages_of_one_burst_follow_their_own_senders_and_sizes(bench: Bench, smtp_server: Servers) -> None:
    first, second, third = smtp_server(), smtp_server(), smtp_server()
    bench.provider(first.port, "acme", 1, from_email="hello@acme.example", from_policy="own")
    bench.provider(second.port, "small", 2, max_message_bytes=5_000)
    bench.provider(third.port, "large", 3)
    burst = [
        ("acme", bench.submit(from_="a@acme.example")),
        ("small", bench.submit(from_="b@other.example")),
        ("acme", bench.submit(from_="c@acme.example")),
        ("large", bench.submit(from_="d@other.example", text="x" * 6_000)),
        ("small", bench.submit(from_="e@other.example")),
        ("acme", bench.submit(from_="f@acme.example", text="x" * 6_000)),
    ]
    bench.engine.drain()
    assert [(name, providers(bench, message_id)) for name, message_id in burst] == [(name, [name]) for name, _ in burst]


def test_a_shared_load_is_shared_message_by_message(bench: Bench, smtp_server: Servers) -> None:
    servers = {name: smtp_server() for name in ("left", "right")}
    for name, server in servers.items():
        bench.provider(server.port, name, 1)
    for _ in range(10):
        bench.submit()
    bench.engine.drain()
    assert sorted(len(server.taken) for server in servers.values()) == [5, 5]
