"""What the clock's process does besides waking workers: watching, and errands on a queue of their own."""

import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from senddock.cli.house import House
from senddock.dispatch.clock import Chore

if TYPE_CHECKING:
    from senddock.dispatch.errands import ErrandWorker

log = logging.getLogger(__name__)


def errand_worker(house: House) -> "ErrandWorker":
    """The thread that carries errands out."""
    from senddock.dispatch.domain_checks import DomainChecker
    from senddock.dispatch.errands import ErrandWorker, Tools
    from senddock.dispatch.webhook_delivery import Deliverer

    check = DomainChecker(house.database, dns_servers=house.settings.dns_servers)
    deliver = Deliverer(house.database, house.vault, house.redis)
    return ErrandWorker(house.redis, Tools(check_domain=check, deliver_webhooks=deliver))


def chores_of(house: House) -> tuple[Chore, ...]:
    """What the clock looks at, and how often in seconds."""
    from senddock.dispatch import (
        alert_notices,
        blocks,
        domain_checks,
        errands,
        retention,
        watch,
        webhook_delivery,
        webhooks,
    )
    from senddock.dispatch.outbox import Outbox, utcnow

    outbox = Outbox(house.database, house.wake)
    public_url = house.settings.public_url

    def domains() -> None:
        for name in domain_checks.request_due(house.database, utcnow()):
            try:
                errands.enqueue(house.redis, errands.check_domain, name)
            except RedisError as error:
                log.warning("the check of %s waits for Redis: %s", name, error)

    def tell_webhooks() -> None:
        if webhook_delivery.due(house.database, utcnow()):
            webhook_delivery.ask(house.redis)

    return (
        Chore(1.0, tell_webhooks),
        Chore(3600.0, lambda: webhooks.forget_old(house.database, utcnow())),
        Chore(5.0, lambda: watch.keep_watch(house.database, utcnow())),
        Chore(15.0, lambda: alert_notices.notify(house.database, outbox, utcnow(), public_url=public_url)),
        Chore(30.0, domains),
        Chore(60.0, lambda: blocks.seal_blocks(house.database, utcnow())),
        Chore(3600.0, lambda: retention.carry_out(house.database, utcnow())),
    )
