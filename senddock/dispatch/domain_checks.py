"""Checking a sending domain: asked for by a page or the clock, carried out as a job, kept with what has changed."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from senddock.dispatch import alerts
from senddock.dispatch.outbox import utcnow
from senddock.dispatch.sending_domains import Sender, senders_for, synchronise, titles
from senddock.domain.dns_records.changes import Changes, compare
from senddock.domain.dns_records.known import known_profile
from senddock.domain.dns_records.profile import ReturnPath, SendingProfile
from senddock.domain.saying import Saying, joined
from senddock.domains.check import check_domain
from senddock.domains.resolver import DnsResolver
from senddock.models import Database, Provider, SendingDomain

log = logging.getLogger(__name__)

#: A report is made anew after a day.
EVERY = timedelta(hours=24)
#: A request nobody has carried out after this is handed out again: its job was lost with Redis.
_LOST = timedelta(seconds=60)
#: When the name servers did not answer, the next look comes sooner.
_AGAIN = timedelta(hours=1)
_AT_ONCE = 20


class DomainChecker:
    """Carries out checks; one for each process that works on errands."""

    def __init__(
        self, database: Database, *, dns_servers: tuple[str, ...] = (), now: Callable[[], datetime] = utcnow
    ) -> None:
        self._database = database
        self._dns_servers = dns_servers
        self._now = now

    def __call__(self, name: str) -> None:
        """Check one domain and keep the report. What the DNS does, or fails to do, is part of the report."""
        with self._database.read() as session:
            if session.get(SendingDomain, name) is None:
                return
            senders = senders_for(session, name)
        resolver = DnsResolver(self._dns_servers)
        profiles = [profile_of(sender, resolver) for sender in senders]
        report = check_domain(name, providers=profiles, resolver=resolver)
        with self._database.write() as session:
            row = session.get(SendingDomain, name)
            if row is None:
                return
            keep(
                session,
                row,
                {**report.to_json(), "unanswered": resolver.unanswered},
                report.status.value,
                [sender.provider for sender in senders],
                self._now(),
            )


def keep(
    session: Session,
    row: SendingDomain,
    report: dict[str, Any],
    status: str,
    providers: Sequence[Provider],
    now: datetime,
) -> None:
    """Store a report; what has changed since the one before opens an alert, what is mended closes it."""
    names = titles(providers)
    before = row.report
    # Silence of the name servers is no change of the records, unless it lasts: then it is what receivers meet as well.
    passing = bool(report["unanswered"]) and before is not None and not before["unanswered"]
    changes = compare(before, report, names) if before is not None and not passing else Changes()
    row.checked_at, row.requested_at = now, now + _AGAIN if report["unanswered"] else None
    if passing:
        row.report = {**(before or {}), "unanswered": report["unanswered"]}
    else:
        row.report, row.status = {**report, "made_at": now.isoformat()}, status
    if changes.sentences:
        row.changed_at, row.changes = now, [item.told() for item in changes.sentences]
    key = f"domain:{row.name}"
    if changes.alarming:
        alerts.raise_alert(
            session,
            alerts.Raised(
                key=key,
                kind="domain",
                severity="error" if changes.broken else "warn",
                title=Saying("%(domain)s: DNS records have changed", {"domain": row.name}),
                text=joined(changes.sentences),
                link=f"/domains/{row.name}",
            ),
            now,
        )
    elif changes.better and status in ("pass", "warn"):
        alerts.settle(session, key, now)


def request_due(database: Database, now: datetime) -> list[str]:
    """Names whose check is due: never made, a day old, or asked for and lost. Each is handed out once a minute."""
    with database.write() as session:
        synchronise(session, now)
        due = session.scalars(
            select(SendingDomain)
            .where(
                or_(
                    SendingDomain.requested_at <= now - _LOST,
                    SendingDomain.requested_at.is_(None)
                    & or_(SendingDomain.checked_at.is_(None), SendingDomain.checked_at <= now - EVERY),
                )
            )
            .order_by(SendingDomain.checked_at)
            .limit(_AT_ONCE)
        ).all()
        for row in due:
            row.requested_at = now
        return [row.name for row in due]


def profile_of(sender: Sender, resolver: DnsResolver) -> SendingProfile:
    """How this provider sends for the domain: the catalogue's facts with the operator's own put over them."""
    provider = sender.provider
    known = known_profile(provider.preset, provider.host) or SendingProfile("generic")
    if known.key == "generic":
        # Its own server is the best guess at the address its mail comes from.
        found = [value for kind in ("A", "AAAA") for value in resolver.lookup(provider.host, kind).values]
        known = replace(known, addresses=tuple(found))
    if sender.selectors:
        known = replace(known, selectors=sender.selectors, probe_selectors=known.selectors)
    if sender.return_path_label:
        known = replace(known, return_path=ReturnPath.LABEL, return_path_label=sender.return_path_label)
    return replace(known, key=str(provider.id), name=provider.name)
