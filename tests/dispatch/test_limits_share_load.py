"""Limits distribute load: two workers on one Redis fill a provider to its limit, and its tier takes what is left."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from senddock.dispatch import routes
from senddock.dispatch.engine import Engine
from senddock.models import Attempt
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP


def test_a_provider_at_its_limit_hands_its_share_to_its_tier_before_the_next_priority(
    bench: Bench, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    servers = [smtp_server() for _ in range(3)]
    limited = bench.provider(servers[0].port, "limited", per_hour=40)
    equal = bench.provider(servers[1].port, "equal")
    later = bench.provider(servers[2].port, "later")
    routes.set_routes(bench.database, 1, [(limited, 1, 70), (equal, 1, 30), (later, 2, 100)])
    ids = [bench.submit(f"p{number}@example.org") for number in range(120)]
    second = Engine(bench.database, bench.vault, bench.redis, lanes=3, workers=2)
    try:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda engine: engine.drain(), [bench.engine, second]))
    finally:
        second.stop(5)
    with bench.database.read() as session:
        carried = Counter(
            dict(iter(session.execute(select(Attempt.provider_name, func.count()).group_by(Attempt.provider_name))))
        )
    assert carried == {"limited": 40, "equal": 80}
    reasons = {bench.story(message_id)["attempts"][0]["plan"]["why"] for message_id in ids}
    assert reasons == {
        "priority 1, 70 % of what goes out there now",
        "priority 1, 30 % of what goes out there now",
        "priority 1: it takes over the share of those that cannot",
    }


def test_two_workers_together_hold_the_shares_of_a_tier(bench: Bench, smtp_server: Callable[..., ScriptedSMTP]) -> None:
    servers = [smtp_server() for _ in range(2)]
    first, other = (bench.provider(server.port, name) for server, name in zip(servers, ("a", "b"), strict=True))
    routes.set_routes(bench.database, 1, [(first, 1, 70), (other, 1, 30)])
    for number in range(100):
        bench.submit(f"p{number}@example.org")
    second = Engine(bench.database, bench.vault, bench.redis, lanes=3, workers=2)
    try:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda engine: engine.drain(), [bench.engine, second]))
    finally:
        second.stop(5)
    assert abs(len(servers[0].taken) - 70) <= 2
    assert len(servers[0].taken) + len(servers[1].taken) == 100
