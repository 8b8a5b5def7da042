"""Limits as the wire sees them: what is taken, given back, shared between workers, slowed down, and kept for others."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import select

from senddock.dispatch import providers
from senddock.dispatch.pace import Exhausted, Grant, Pace
from senddock.domain.pacing import RECOVERY, Slowdown, slowed
from senddock.models import Database, Message, Provider, SlowdownState
from tests.conftest import Bench
from tests.dispatch.test_pace import provider
from tests.smtp_server import ScriptedSMTP, closed_port, reply

Servers = Callable[..., ScriptedSMTP]
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
WINDOWS = {"per_second": 1_000, "per_minute": 60_000, "per_hour": 3_600_000}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.sampled_from(sorted(WINDOWS)),
    amount=st.integers(1, 40),
    # Milliseconds between two questions, from a stampede to a trickle, anywhere within the window's slices.
    gaps=st.lists(st.integers(0, 120), min_size=40, max_size=120),
    offset=st.integers(0, 4_000_000),
)
def test_no_window_ever_holds_more_than_its_amount(
    sqlite: Database, redis: Redis, limit: str, amount: int, gaps: list[int], offset: int
) -> None:
    redis.flushall()
    window = WINDOWS[limit]
    pace, row = Pace(sqlite, redis), provider(**{limit: amount})
    at, taken = offset, []
    for gap in gaps:
        # Gaps grow with the window, so that its edge is crossed in each example.
        at += gap * window // 2000
        if isinstance(pace.take(row, transactional=True, now=START + timedelta(milliseconds=at)), Grant):
            taken.append(at)
    for first, last in zip(taken, taken[amount:], strict=False):
        assert last - first >= window, f"{amount + 1} messages within {last - first} ms of {window}"


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.sampled_from(sorted(WINDOWS)), amount=st.integers(5, 60), offset=st.integers(0, 4_000_000))
def test_whoever_comes_back_after_the_wait_gets_99_per_cent(
    sqlite: Database, redis: Redis, limit: str, amount: int, offset: int
) -> None:
    redis.flushall()
    window, spans = WINDOWS[limit], 4
    pace, row = Pace(sqlite, redis), provider(**{limit: amount})
    at, count = float(offset), 0
    while at < offset + window * spans:
        answer = pace.take(row, transactional=True, now=START + timedelta(milliseconds=at))
        if isinstance(answer, Grant):
            count += 1
        else:
            at += answer.seconds * 1000
    assert count >= 0.99 * amount * spans


def test_connections_are_shared_by_all_workers_and_not_divided(sqlite: Database, redis: Redis) -> None:
    one, two, row = Pace(sqlite, redis), Pace(sqlite, redis), provider(max_connections=3, per_second=10)
    grants = [one.take(row, transactional=True, now=START, connection=True) for _ in range(3)]
    assert all(isinstance(grant, Grant) and grant.lease for grant in grants)
    refused = two.take(row, transactional=True, now=START, connection=True)
    assert isinstance(refused, Exhausted)
    assert refused.limit == "connections"
    used = sum(int(value) for value in redis.hvals("senddock:pace:1:second"))
    assert used == 3, "all or nothing: a refused connection takes nothing of the rate"
    # Who keeps one idle learns that it is wanted, and the next one has it as soon as it is closed.
    assert one.connections.renew() == {1}
    first = grants[0]
    assert isinstance(first, Grant)
    assert first.lease is not None
    one.connections.release(first.lease)
    assert isinstance(two.take(row, transactional=True, now=START, connection=True), Grant)


def test_a_wiped_redis_learns_the_open_connections_again(sqlite: Database, redis: Redis) -> None:
    pace, row = Pace(sqlite, redis), provider(max_connections=1)
    assert isinstance(pace.take(row, transactional=True, now=START, connection=True), Grant)
    redis.flushall()
    pace.connections.renew()
    assert isinstance(pace.take(row, transactional=True, now=START, connection=True), Exhausted)


def test_what_was_taken_is_given_back_when_no_session_opens(bench: Bench, redis: Redis, smtp_server: Servers) -> None:
    dead = bench.provider(closed_port(), "dead", 1, per_day=5, max_connections=2)
    good = smtp_server()
    alive = bench.provider(good.port, "alive", 2, per_day=5, max_connections=2)
    bench.submit()
    bench.engine.drain()
    good.wait_for(1)

    def counted(provider_id: int) -> int:
        return sum(int(value) for value in redis.hvals(f"senddock:pace:{provider_id}:day"))

    assert (counted(dead), counted(alive)) == (0, 1)
    assert redis.zcard(f"senddock:connections:{dead}") == 0
    assert redis.zcard(f"senddock:connections:{alive}") == 1, "an idle session is a connection too"
    bench.engine.pool.close()
    assert redis.zcard(f"senddock:connections:{alive}") == 0


def test_one_connection_carries_everything_where_only_one_is_allowed(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port, max_connections=1, messages_per_connection=4)
    for _ in range(10):
        bench.submit()
    bench.engine.drain()
    assert len(server.wait_for(10)) == 10
    assert server.connections == 3
    assert max(sum(taken.session == number for taken in server.taken) for number in (1, 2, 3)) == 4


def test_too_fast_halves_the_pace_which_recovers_by_itself(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server({"mail": [reply("450 4.7.1 Error: too much mail, slow down")]})
    row_id = bench.provider(server.port, per_second=8)
    message_id = bench.submit()
    bench.engine.drain()
    story = bench.story(message_id)
    assert story["attempts"][0]["class"] == "rate_limited"
    with bench.database.read() as session:
        state = session.scalars(select(SlowdownState)).one()
    assert (state.provider_id, state.pace, state.full_pace) == (row_id, 4, 8)
    assert story["deliveries"][0]["status"] == "deferred"
    # A person has settled it: the full pace again.
    providers.resume(bench.database, row_id)
    with bench.database.read() as session:
        assert session.scalars(select(SlowdownState)).all() == []


def test_the_slowed_pace_grows_back_evenly_and_is_halved_once_for_one_burst_of_refusals() -> None:
    slow = slowed(None, pace=10, now=START)
    assert slow == Slowdown(5, 10, START)
    assert slowed(slow, pace=10, now=START + timedelta(seconds=1)) == slow
    assert slowed(slow, pace=10, now=START + timedelta(seconds=3)).pace < 3
    assert slow.pace_at(START + timedelta(seconds=RECOVERY / 2)) == 7.5
    assert slow.pace_at(slow.recovers_at) is None
    half = slow.limit(START)
    assert half is not None
    assert (half.amount, half.seconds) == (5, 1)


def test_mail_held_back_by_a_limit_stays_in_the_queue_unclaimed(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port, per_minute=2, transactional_reserve=0)
    for _ in range(6):
        bench.submit()
    bench.engine.drain()
    assert len(server.wait_for(2)) == 2
    with bench.database.read() as session:
        states = sorted(session.scalars(select(Message.state)))
    assert states.count("accepted") == 2
    # Those claimed before the limit was met say what they wait for; the others have not been touched.
    assert set(states) <= {"accepted", "queued", "deferred"}
    assert bench.engine.planner.claimable() or bench.engine.planner.resumes_at


def test_transactional_mail_goes_first_and_has_its_reserve(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port, per_day=10, transactional_reserve=20, max_connections=1)
    for number in range(12):
        bench.submit(f"news-{number}@example.org", stream_id=2)
    bench.submit("code@example.org", stream_id=1)
    bench.engine.drain()
    order = [taken.recipients[0] for taken in server.wait_for(8)]
    assert order[0] == "code@example.org", "submitted last, sent first"
    assert len(order) == 8, "two of ten are kept"
    bench.submit("late@example.org", stream_id=1)
    bench.engine.drain()
    assert server.wait_for(9)[-1].recipients == ["late@example.org"]


def test_a_waiting_message_keeps_the_plan_that_made_it_wait(bench: Bench) -> None:
    bench.provider(closed_port(), "off", enabled=False)
    message_id = bench.submit()
    bench.engine.drain()
    plan = bench.story(message_id)["plan"]
    assert plan["chosen"] is None
    assert plan["left_out"] == [{"provider": "off", "why": "disabled"}]


def test_limits_are_checked_without_the_planners_lock(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server()
    bench.provider(server.port, per_second=100, max_connections=2)
    held: list[bool] = []
    planner, real = bench.engine.planner, bench.engine.planner.pace.take

    def take(row: Provider, **values: object) -> Grant | Exhausted:
        held.append(planner._lock.locked())
        return real(row, **values)  # type: ignore[arg-type]

    planner.pace.take = take  # type: ignore[method-assign, assignment]
    for _ in range(5):
        bench.submit()
    bench.engine.drain()
    server.wait_for(5)
    assert held
    assert not any(held)
