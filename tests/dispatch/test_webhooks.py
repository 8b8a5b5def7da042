"""Webhooks: events written with outcomes, delivered to real endpoints, tried again, given up, and never in mail's way."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from redis import Redis
from sqlalchemy import func, select, update

from senddock.dispatch import alerts, errands, suppressions, webhook_delivery, webhooks
from senddock.dispatch.claim import claim
from senddock.dispatch.errands import ErrandWorker, Tools
from senddock.dispatch.recover import recover
from senddock.dispatch.refusals import Refused
from senddock.dispatch.wake import QUEUE
from senddock.dispatch.webhook_delivery import Deliverer
from senddock.models import Attempt, Database, Stream, WebhookDelivery, WebhookEndpoint, WebhookEvent, Worker
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.smtp_server import reply
from tests.webhook_endpoint import Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


class Now:
    """A clock that is told."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)


def _listen(bench: Bench, endpoint: Endpoint, **values: Any) -> tuple[int, str]:
    row, secret = webhooks.add(
        bench.database, bench.vault, endpoint.url, private_network=True, now=datetime.now(UTC), **values
    )
    return row.id, secret


def _deliverer(bench: Bench, now: Callable[[], datetime] | None = None, timeout: float = 60.0) -> Deliverer:
    return Deliverer(bench.database, bench.vault, now=now or (lambda: datetime.now(UTC)), timeout=timeout)


def test_a_message_tells_its_story_signed(bench: Bench, smtp_server: Any, endpoint: Endpoint) -> None:
    _, secret = _listen(bench, endpoint)
    server = smtp_server({"rcpt": lambda address: reply("550 5.1.1 No such user") if "gone" in address else None})
    bench.provider(server.port)
    message_id = bench.submit("ok@example.org", "gone@example.org", tags=[{"name": "kind", "value": "invoice"}])
    bench.engine.drain()
    _deliverer(bench)()
    bodies = [json.loads(body) for _, body in endpoint.received]
    told = {(body["type"], body["data"].get("recipient")): body for body in bodies}
    assert set(told) == {
        ("email.sent", "ok@example.org"),
        ("email.bounced", "gone@example.org"),
        ("suppression.added", None),
    }
    bounced = told["email.bounced", "gone@example.org"]["data"]
    assert (bounced["email_id"], bounced["subject"], bounced["tags"]) == (message_id, "Hello", {"kind": "invoice"})
    assert (bounced["bounce"]["type"], bounced["bounce"]["subType"]) == ("Permanent", "NoEmail")
    assert bounced["bounce"]["diagnosticCode"] == ["550 5.1.1 No such user"]
    assert told["suppression.added", None]["data"] == {
        "address": "gone@example.org",
        "origin": "bounce",
        "source_id": message_id,
    }
    for signed, body in endpoint.received:
        assert standardwebhooks.Webhook(secret).verify(body, signed)
        assert signed["svix-signature"] == signed["webhook-signature"]
    with bench.database.read() as session:
        assert session.scalar(select(func.count()).select_from(WebhookEvent)) == 0


def test_nothing_is_written_down_while_nobody_listens(sqlite_bench: Bench, smtp_server: Any) -> None:
    sqlite_bench.provider(smtp_server().port)
    sqlite_bench.submit()
    sqlite_bench.engine.drain()
    with sqlite_bench.database.read() as session:
        assert session.scalar(select(func.count()).select_from(WebhookEvent)) == 0


def test_every_state_has_its_event(sqlite_bench: Bench, smtp_server: Any, endpoint: Endpoint) -> None:
    bench = sqlite_bench
    _listen(bench, endpoint)
    answers = {"full@example.org": "452 4.2.2 Mailbox full", "spam@example.org": "550 5.7.1 Message rejected as spam"}
    server = smtp_server({"rcpt": lambda address: reply(answers[address]) if address in answers else None})
    bench.provider(server.port)
    suppressions.add(bench.database, 1, "no@example.org", comment=None, now=datetime.now(UTC))
    bench.submit("no@example.org")
    bench.submit("later@example.org", scheduled_at=datetime.now(UTC) + timedelta(hours=1))
    bench.submit("full@example.org")
    bench.submit("spam@example.org")
    bench.submit("old@example.org", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    bench.engine.drain()
    suppressions.remove(bench.database, 1, "no@example.org", datetime.now(UTC))
    _deliverer(bench)()
    assert sorted(endpoint.types) == [
        "email.delivery_delayed",
        "email.failed",
        "email.failed",
        "email.scheduled",
        "email.suppressed",
        "suppression.added",
        "suppression.removed",
    ]


@pytest.mark.parametrize(
    ("policy", "status", "name"),
    [("hold", "uncertain", "email.uncertain"), ("retry_same", "deferred", "email.delivery_delayed")],
)
def test_what_recovery_finds_in_doubt_is_told(
    bench: Bench, endpoint: Endpoint, policy: str, status: str, name: str
) -> None:
    _listen(bench, endpoint)
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    with bench.database.write() as session:
        session.execute(update(Stream).values(on_uncertain=policy))
        dead = Worker(host="elsewhere", pid=1, started_at=long_ago, heartbeat_at=long_ago)
        session.add(dead)
        session.flush()
        worker_id = dead.id
    message_id = bench.submit("ana@example.org")
    assert claim(bench.database, worker_id=worker_id, stream_ids=[1], limit=1, now=datetime.now(UTC))
    with bench.database.write() as session:
        session.add(
            Attempt(
                message_id=message_id, number=1, provider_id=1, provider_name="p", started_at=long_ago, dot_at=long_ago
            )
        )
    assert recover(bench.database, now=datetime.now(UTC), lease=15) == 1
    _deliverer(bench)()
    ((_, body),) = endpoint.received
    told = json.loads(body)
    assert (told["type"], told["data"]["email_id"], told["data"]["recipient"]) == (name, message_id, "ana@example.org")
    assert bench.story(message_id)["deliveries"][0]["status"] == status


def test_an_endpoint_hears_only_what_it_wants(sqlite_bench: Bench, smtp_server: Any, endpoint: Endpoint) -> None:
    _listen(sqlite_bench, endpoint, events=["email.sent"])
    sqlite_bench.provider(smtp_server().port)
    sqlite_bench.submit()
    sqlite_bench.submit("later@example.org", scheduled_at=datetime.now(UTC) + timedelta(hours=1))
    sqlite_bench.engine.drain()
    _deliverer(sqlite_bench)()
    assert endpoint.types == ["email.sent"]
    with pytest.raises(Refused, match="no event"):
        _listen(sqlite_bench, endpoint, events=["email.opened"])


def test_a_failed_delivery_is_tried_again_with_the_same_id_and_a_new_signature(
    sqlite_bench: Bench, endpoint: Endpoint
) -> None:
    now = Now()
    endpoint_id, secret = _listen(sqlite_bench, endpoint)
    webhooks.send_test(sqlite_bench.database, endpoint_id, now())
    deliver = _deliverer(sqlite_bench, now)
    endpoint.status = 500
    assert deliver() == 1
    assert deliver() == 0
    now.later(seconds=7)
    assert deliver() == 1
    endpoint.status = 302
    now.later(minutes=7)
    assert deliver() == 1
    endpoint.status = 204
    now.later(minutes=40)
    assert deliver() == 1
    (first, _), *_, (last, body) = endpoint.received
    assert first["webhook-id"] == last["webhook-id"]
    assert int(last["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 7 + 7 * 60 + 40 * 60
    assert first["webhook-signature"] != last["webhook-signature"]
    (row,) = _rows(sqlite_bench.database)
    assert (row.state, row.tries, [entry["status"] for entry in row.log]) == ("delivered", 4, [500, 500, 302, 204])
    assert json.loads(body)["type"] == "webhook.test"
    assert secret not in str(row.log)


def test_it_is_given_up_after_the_last_try_and_can_be_replayed(sqlite_bench: Bench, endpoint: Endpoint) -> None:
    now = Now()
    endpoint_id, _ = _listen(sqlite_bench, endpoint)
    delivery_id = webhooks.send_test(sqlite_bench.database, endpoint_id, now())
    deliver = _deliverer(sqlite_bench, now)
    endpoint.status = 500
    for _ in range(8):
        assert deliver() == 1
        now.later(hours=13)
    assert deliver() == 0
    assert [row.state for row in _rows(sqlite_bench.database)] == ["failed"]
    endpoint.status = 200
    webhooks.replay(sqlite_bench.database, delivery_id, now())
    assert deliver() == 1
    assert [row.state for row in _rows(sqlite_bench.database)] == ["delivered"]
    assert len({signed["webhook-id"] for signed, _ in endpoint.received}) == 1


def test_five_days_of_failure_disable_it_and_a_person_is_told(sqlite_bench: Bench, endpoint: Endpoint) -> None:
    now = Now()
    endpoint_id, _ = _listen(sqlite_bench, endpoint)
    deliver = _deliverer(sqlite_bench, now)
    endpoint.status = 500
    for days in (0, 4, 1.1):
        now.later(days=days)
        webhooks.send_test(sqlite_bench.database, endpoint_id, now())
        deliver()
    with sqlite_bench.database.read() as session:
        row = session.get(WebhookEndpoint, endpoint_id)
        (alert,) = alerts.open_alerts(session)
    assert row is not None
    assert row.disabled_at == now()
    assert (alert.key, alert.link) == (f"webhook:{endpoint_id}", f"/webhooks/{endpoint_id}")
    with pytest.raises(Refused, match="disabled"):
        webhooks.send_test(sqlite_bench.database, endpoint_id, now())
    assert not webhook_delivery.due(sqlite_bench.database, now() + timedelta(days=1))
    webhooks.set_enabled(sqlite_bench.database, endpoint_id, enabled=True, by="ana", now=now())
    with sqlite_bench.database.read() as session:
        assert alerts.open_alerts(session) == []


def test_gone_disables_it_at_once(sqlite_bench: Bench, endpoint: Endpoint) -> None:
    endpoint_id, _ = _listen(sqlite_bench, endpoint)
    webhooks.send_test(sqlite_bench.database, endpoint_id, datetime.now(UTC))
    endpoint.status = 410
    _deliverer(sqlite_bench)()
    with sqlite_bench.database.read() as session:
        row = session.get(WebhookEndpoint, endpoint_id)
    assert row is not None
    assert row.disabled_why is not None
    assert "410" in row.disabled_why


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_asks_for_a_pause_gets_it(sqlite_bench: Bench, endpoint: Endpoint, status: int) -> None:
    now = Now()
    endpoint_id, _ = _listen(sqlite_bench, endpoint)
    for _ in range(3):
        webhooks.send_test(sqlite_bench.database, endpoint_id, now())
    endpoint.status, endpoint.extra = status, {"Retry-After": "90"}
    deliver = _deliverer(sqlite_bench, now)
    assert deliver() == 1
    now.later(seconds=60)
    assert deliver() == 0
    endpoint.status, endpoint.extra = 200, {}
    now.later(seconds=40)
    assert deliver() == 3


def test_the_backlog_of_a_dead_endpoint_costs_one_try_a_turn(sqlite_bench: Bench, endpoint: Endpoint) -> None:
    now = Now()
    endpoint_id, _ = _listen(sqlite_bench, endpoint)
    for _ in range(50):
        webhooks.send_test(sqlite_bench.database, endpoint_id, now())
    endpoint.server.shutdown()
    endpoint.server.server_close()
    deliver = _deliverer(sqlite_bench, now)
    assert deliver() == 1
    assert deliver() == 0
    now.later(seconds=7)
    assert deliver() == 1


def test_a_dead_endpoint_slows_neither_mail_nor_other_endpoints(
    sqlite_bench: Bench, smtp_server: Any, endpoint: Endpoint
) -> None:
    bench = sqlite_bench
    healthy = Endpoint()
    endpoint.gate = threading.Event()
    _listen(bench, endpoint)
    _listen(bench, healthy)
    server = smtp_server()
    bench.provider(server.port)
    bench.submit()
    bench.engine.drain()
    errand = threading.Thread(target=_deliverer(bench, timeout=600))
    errand.start()
    assert endpoint.entered.wait(60)
    assert healthy.entered.wait(60)
    # The errand hangs in the dead endpoint: mail goes out, its outcomes are written, events are noted.
    for _ in range(20):
        bench.submit()
    bench.engine.drain()
    assert len(server.wait_for(21)) == 21
    assert errand.is_alive()
    endpoint.gate.set()
    errand.join()
    _deliverer(bench)()
    healthy.close()
    assert len(endpoint.received) == len(healthy.received) == 21


def test_an_endpoint_that_answers_slowly_has_short_turns(
    sqlite_bench: Bench, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every answer comes too late for a turn of no length.
    monkeypatch.setattr(webhook_delivery, "_LONGEST_TURN", 0.0)
    slow, other = _listen(sqlite_bench, endpoint)[0], Endpoint()
    quick = _listen(sqlite_bench, other)[0]
    now = datetime.now(UTC)
    for _ in range(3):
        webhooks.send_test(sqlite_bench.database, slow, now)
    webhooks.send_test(sqlite_bench.database, quick, now)
    rounds: list[int] = []
    real = Deliverer._claim

    def claim_again(self: Deliverer) -> Any:
        rounds.append(len(endpoint.received))
        return real(self)

    monkeypatch.setattr(Deliverer, "_claim", claim_again)
    assert _deliverer(sqlite_bench)() == 4
    other.close()
    assert rounds == [0, 1, 2, 3]
    assert len(other.received) == 1


def test_workers_do_not_even_look_at_the_errands(sqlite_bench: Bench, redis: Redis, endpoint: Endpoint) -> None:
    assert errands.QUEUE != QUEUE
    endpoint_id, _ = _listen(sqlite_bench, endpoint)
    webhooks.send_test(sqlite_bench.database, endpoint_id, datetime.now(UTC))
    assert webhook_delivery.due(sqlite_bench.database, datetime.now(UTC))
    webhook_delivery.ask(redis)
    webhook_delivery.ask(redis)
    assert redis.llen(f"rq:queue:{errands.QUEUE}") == 1
    assert redis.llen(f"rq:queue:{QUEUE}") == 0
    deliver = Deliverer(sqlite_bench.database, sqlite_bench.vault, redis)
    ErrandWorker(redis, Tools(check_domain=lambda _: None, deliver_webhooks=deliver)).work()
    errands.equip(None)
    assert endpoint.types == ["webhook.test"]


def test_a_private_address_is_refused_when_it_is_added_and_when_it_is_delivered_to(
    sqlite_bench: Bench, endpoint: Endpoint
) -> None:
    with pytest.raises(Refused, match="https"):
        webhooks.add(sqlite_bench.database, sqlite_bench.vault, endpoint.url, now=datetime.now(UTC))
    endpoint_id, _ = _listen(sqlite_bench, endpoint)
    webhooks.send_test(sqlite_bench.database, endpoint_id, datetime.now(UTC))
    with sqlite_bench.database.write() as session:
        row = session.get(WebhookEndpoint, endpoint_id)
        assert row is not None
        row.private_network, row.url = False, "https://localhost/"
    _deliverer(sqlite_bench)()
    assert endpoint.received == []
    (delivery,) = _rows(sqlite_bench.database)
    assert "private network" in delivery.log[0]["error"]


def test_both_secrets_sign_for_a_day_after_a_rotation(sqlite_bench: Bench, endpoint: Endpoint, vault: Vault) -> None:
    now = Now()
    endpoint_id, old = _listen(sqlite_bench, endpoint)
    new = webhooks.rotate(sqlite_bench.database, sqlite_bench.vault, endpoint_id, now())
    deliver = _deliverer(sqlite_bench, now)
    for hours in (0, 23.9, 0.2):
        now.later(hours=hours)
        webhooks.send_test(sqlite_bench.database, endpoint_id, now())
        deliver()
    assert [len(signed["webhook-signature"].split()) for signed, _ in endpoint.received] == [2, 2, 1]
    signed, body = endpoint.received[0]
    for secret in (old, new):
        assert standardwebhooks.Webhook(secret).verify(
            body, {**signed, "webhook-timestamp": signed["webhook-timestamp"]}
        )


def _rows(database: Database) -> list[WebhookDelivery]:
    with database.read() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))
