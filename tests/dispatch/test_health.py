"""Breakers are shared by workers, survive a wiped Redis, and close when a person has acted."""

from datetime import UTC, datetime

from redis import Redis
from sqlalchemy import select

from senddock.dispatch import providers
from senddock.dispatch.health import Health
from senddock.domain.breaker import THRESHOLD, Breaker, Phase, failed
from senddock.models import Database, Incident
from senddock.secrets.vault import Vault

NOW = datetime.now(UTC)
VALUES = {"name": "p", "host": "localhost", "port": 25, "encryption": "none", "from_email": "a@b.de"}


def fail(breaker: Breaker) -> Breaker:
    return failed(breaker, weight=THRESHOLD, verdict_class="auth", text="535 no", now=NOW)


def test_what_one_worker_learns_the_others_know(database: Database, vault: Vault, redis: Redis) -> None:
    provider = providers.add(database, vault, VALUES, None)
    one, two = Health(database, redis), Health(database, redis)
    one.change((provider.id, ""), fail, NOW)
    assert two.get((provider.id, "")).phase is Phase.OPEN
    with database.read() as session:
        (incident,) = session.scalars(select(Incident))
    assert (incident.verdict_class, incident.closed_at) == ("auth", None)


def test_two_workers_that_fail_together_count_both(database: Database, vault: Vault, redis: Redis) -> None:
    provider = providers.add(database, vault, VALUES, None)
    one, two = Health(database, redis), Health(database, redis)
    one.get((provider.id, ""))
    two.get((provider.id, ""))

    def once(breaker: Breaker) -> Breaker:
        return failed(breaker, weight=1, verdict_class="connection", text="x", now=NOW)

    one.change((provider.id, ""), once, NOW)
    _, after = two.change((provider.id, ""), once, NOW)
    assert after.failures == 2


def test_a_wiped_redis_starts_from_what_was_known(database: Database, vault: Vault, redis: Redis) -> None:
    provider = providers.add(database, vault, VALUES, None)
    Health(database, redis).change((provider.id, ""), fail, NOW)
    redis.flushall()
    assert Health(database, redis).get((provider.id, "")).phase is Phase.OPEN


def test_without_redis_each_worker_keeps_its_own_and_the_durable_copy(database: Database, vault: Vault) -> None:
    provider = providers.add(database, vault, VALUES, None)
    gone = Redis.from_url("unix:///nonexistent/redis.sock")
    health = Health(database, gone)
    health.change((provider.id, ""), fail, NOW)
    assert health.get((provider.id, "")).phase is Phase.OPEN
    assert Health(database, gone).get((provider.id, "")).phase is Phase.OPEN
    gone.close()


def test_a_changed_provider_is_forgiven(database: Database, vault: Vault, redis: Redis) -> None:
    provider = providers.add(database, vault, VALUES, None)
    health = Health(database, redis)
    health.change((provider.id, ""), fail, NOW)
    providers.change(database, vault, provider.id, {"port": 26})
    assert health.reconcile(NOW)
    assert health.get((provider.id, "")) == Breaker()
    with database.read() as session:
        assert session.scalars(select(Incident.closed_at)).one() is not None
