"""A provider that failed comes back by steps; one that is paused waits for a person; a blackhole is paid for once."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, update

from senddock.dispatch import providers
from senddock.dispatch.outbox import utcnow
from senddock.domain.breaker import Breaker, Phase
from senddock.models import Incident, Message, Worker
from tests.conftest import Bench
from tests.e2e.house import until
from tests.smtp_server import ScriptedSMTP, blackhole, reply, reset

Servers = Callable[..., ScriptedSMTP]


def later(bench: Bench, seconds: float) -> None:
    """Set the engine's clock forward, and all mail due by it."""
    shift = getattr(bench, "shift", timedelta()) + timedelta(seconds=seconds)
    bench.shift = shift  # type: ignore[attr-defined]
    bench.engine.planner._renew()
    with bench.database.write() as session:
        session.execute(update(Message).where(Message.due_at.is_not(None)).values(due_at=utcnow() + shift))


def clocked(bench: Bench) -> Bench:
    """Give the engine a clock that `later` sets; call before its first use."""

    def now() -> datetime:
        return utcnow() + getattr(bench, "shift", timedelta())

    bench.now = now
    return bench


def phase(bench: Bench, provider_id: int, domain: str = "") -> Phase:
    return bench.engine.health.get((provider_id, domain)).phase


def test_it_is_probed_without_mail_then_one_message_then_a_ramp(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server({"mail": [reply("451 4.3.0 Temporary System Problem.")] * 3})
    row = clocked(bench).provider(server.port)
    for _ in range(3):
        bench.submit()
    bench.engine.drain()
    assert phase(bench, row) is Phase.OPEN
    sent = sum(line.startswith("MAIL") for line in server.commands)
    later(bench, 11)
    bench.engine.prober.look()
    until(lambda: phase(bench, row) is Phase.TRIAL, 60, lambda: phase(bench, row))
    assert any(line.startswith("NOOP") for line in server.commands)
    assert sum(line.startswith("MAIL") for line in server.commands) == sent, "the probe carries no mail"
    assert bench.engine.health.get((row, "")).allowance == 1
    phases = []
    for _ in range(60):
        later(bench, 3)
        bench.engine.drain()
        phases.append(phase(bench, row))
        if phases[-1] is Phase.CLOSED:
            break
        bench.submit()
    assert Phase.RAMP in phases
    assert phases[-1] is Phase.CLOSED
    with bench.database.read() as session:
        (incident,) = session.scalars(select(Incident))
    assert incident.closed_at is not None


def test_mail_that_waited_for_a_provider_need_not_wait_for_its_own_time_once_it_answers(
    bench: Bench, smtp_server: Servers
) -> None:
    server = smtp_server({"mail": [reply("451 4.3.0 Temporary System Problem.")] * 3})
    clocked(bench).provider(server.port)
    ids = [bench.submit() for _ in range(3)]
    bench.engine.drain()
    far = utcnow() + timedelta(hours=5)
    with bench.database.write() as session:
        session.execute(update(Message).values(due_at=far))
        # This one waits for its recipient, whom no provider's return makes come sooner.
        session.execute(update(Message).where(Message.id == ids[0]).values(last_class="recipient_transient"))
    bench.shift = timedelta(seconds=11)  # type: ignore[attr-defined]
    bench.engine.prober.look()

    def due() -> list[bool]:
        with bench.database.read() as session:
            known = {row.id: row.due_at for row in session.scalars(select(Message))}
        return [known[message_id] < far for message_id in ids]

    until(lambda: due() == [False, True, True], 60, due)


def test_a_blocked_account_waits_for_a_person(bench: Bench, smtp_server: Servers) -> None:
    server = smtp_server({"mail": [reply("550 5.7.1 Your account has been suspended")]})
    row = clocked(bench).provider(server.port)
    message_id = bench.submit()
    bench.engine.drain()
    assert phase(bench, row) is Phase.PAUSED
    later(bench, 7200)
    bench.engine.prober.look()
    bench.engine.drain()
    assert phase(bench, row) is Phase.PAUSED
    assert "until a person acts" in str(bench.story(message_id))
    providers.resume(bench.database, row)
    bench.engine.roster.forget()
    bench.engine.prober.look()
    # The heartbeat looks as well and may have been quicker: then it is at it still.
    until(lambda: bench.engine.health.get((row, "")) == Breaker(), 60, lambda: bench.engine.health.get((row, "")))
    later(bench, 1)
    bench.engine.drain()
    assert len(server.wait_for(1)) == 1


def test_a_refused_from_domain_closes_the_provider_for_that_domain_only(bench: Bench, smtp_server: Servers) -> None:
    refusals = {"us@other.example": reply("550 5.7.1 Sender address not verified")}
    picky = smtp_server({"mail": refusals.get})
    second = smtp_server()
    row = clocked(bench).provider(picky.port, "picky", 1)
    bench.provider(second.port, "second", 2)
    bench.submit(from_="us@other.example")
    bench.submit(from_="us@example.com")
    bench.engine.drain()
    assert [taken.mail_from for taken in picky.taken] == ["us@example.com"]
    assert [taken.mail_from for taken in second.taken] == ["us@other.example"]
    assert phase(bench, row) is Phase.CLOSED
    assert phase(bench, row, "other.example") is Phase.OPEN
    # Once its time is over one message tries, and the others wait for what comes of it.
    refusals.clear()
    later(bench, 1000)
    bench.submit(from_="us@other.example")
    bench.engine.drain()
    assert picky.wait_for(2)[-1].mail_from == "us@other.example"
    assert phase(bench, row, "other.example") is Phase.CLOSED
    with bench.database.read() as session:
        assert [incident.closed_at is not None for incident in session.scalars(select(Incident))] == [True]


def test_a_blackholed_primary_costs_one_time_out_and_not_one_each(bench: Bench, smtp_server: Servers) -> None:
    good = smtp_server()
    with blackhole() as port:
        bench.provider(port, "blackhole", 1, timeouts={"connect": 1})
        bench.provider(good.port, "good", 2)
        ids = [bench.submit(f"p{number}@example.org") for number in range(60)]
        bench.engine.drain()
        assert len(good.wait_for(60)) == 60
    tried = [attempt["provider"] for message_id in ids for attempt in bench.story(message_id)["attempts"]]
    assert tried.count("blackhole") == 1, "only the first paid"
    assert tried.count("good") == 60


def test_an_engine_that_has_been_told_to_stop_signs_off(bench: Bench) -> None:
    engine = bench.engine
    engine.request_stop()
    engine._thread.join(10)
    engine.stop(5)
    with bench.database.read() as session:
        assert session.scalars(select(Worker.stopped_at)).one() is not None


def test_a_provider_with_an_idempotency_header_gets_the_same_key_for_the_same_recipients(
    bench: Bench, smtp_server: Servers
) -> None:
    server = smtp_server({"reply": [reset()]})
    bench.provider(server.port, preset="resend", recipients_per_message=1)
    bench.submit("a@example.org", "b@example.org")
    bench.engine.drain()
    with bench.database.write() as session:
        session.execute(update(Message).where(Message.due_at.is_not(None)).values(due_at=utcnow()))
    bench.engine.drain()
    keys: dict[str, list[bytes]] = {}
    for taken in server.wait_for(3):
        (line,) = [line for line in taken.data.splitlines() if line.startswith(b"Resend-Idempotency-Key: ")]
        keys.setdefault(taken.recipients[0], []).append(line)
    first, second = keys["a@example.org"]
    assert first == second, "the copy in doubt can be recognised"
    assert keys["b@example.org"] != [first], "other recipients are no repetition"
