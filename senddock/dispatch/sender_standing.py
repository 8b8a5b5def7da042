"""Whether mail From a domain would pass DMARC through a provider, read from the stored reports.

Used by the panel, by routing and by the simulator: a provider whose mail would fail is not a real failover.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from senddock.dispatch.sending_domains import providers_in_use
from senddock.domain.dns_records.finding import Status
from senddock.domain.senders import may_send_from
from senddock.models import SendingDomain


@dataclass(frozen=True, slots=True)
class Standing:
    """The judgement on one provider for one domain, as it was at ``checked_at``."""

    provider_id: int
    domain: str
    #: ``pass``, ``warn``, ``fail`` or ``missing``.
    status: str
    #: ``None`` when the DNS alone cannot tell.
    would_break_dmarc: bool | None
    sentence: str
    checked_at: datetime

    @property
    def real_failover(self) -> bool:
        """False when mail through this provider is known to fail DMARC."""
        return self.would_break_dmarc is not True


def standings(
    session: Session, *, domain: str | None = None, provider_id: int | None = None, status: str | None = None
) -> Sequence[Standing]:
    """What is known, of one domain or provider, of domains with ``status``, or of all; nothing of what was not checked."""
    # Only this part of the report is read: the rest of it, the tree of SPF records above all, is many times as long.
    judged = SendingDomain.report["providers"]
    query = (
        select(SendingDomain.name, SendingDomain.checked_at, judged)
        .where(SendingDomain.checked_at.is_not(None))
        .order_by(SendingDomain.name)
    )
    if domain is not None:
        query = query.where(SendingDomain.name == domain)
    if status is not None:
        query = query.where(SendingDomain.status == status)
    found = []
    for name, checked_at, items in session.execute(query):
        assert checked_at is not None
        for item in items or ():
            standing = Standing(
                provider_id=int(item["provider"]),
                domain=name,
                status=item["status"],
                would_break_dmarc=item["would_break_dmarc"],
                sentence=item["verdict"],
                checked_at=checked_at,
            )
            if provider_id is None or standing.provider_id == provider_id:
                found.append(standing)
    return found


def not_real_failovers(session: Session) -> dict[int, list[Standing]]:
    """For each enabled provider the domains whose mail would fail DMARC through it, among those it may send for now."""
    found: dict[int, list[Standing]] = {}
    # A provider that would break DMARC fails, and with it the domain.
    broken = [item for item in standings(session, status=Status.FAIL.value) if not item.real_failover]
    for provider in providers_in_use(session) if broken else ():
        own = (provider.from_email.rpartition("@")[2], *provider.extra_domains)
        mine = [
            item
            for item in broken
            if item.provider_id == provider.id and may_send_from(provider.from_policy, own, item.domain)
        ]
        if mine and provider.enabled:
            found[provider.id] = mine
    return found
