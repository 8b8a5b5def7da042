"""The domains that mail is sent from: which they are, who sends for them, and what the operator knows of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused
from senddock.domain.senders import may_send_from
from senddock.domains.name import InvalidDomain, ascii_domain
from senddock.models import Database, Message, Provider, SenderRecord, SendingDomain

#: Messages among which From domains are looked for; the newest, so that the question stays cheap in a large log.
_LATELY = 5000
#: Domains that are watched at most: an application that sends for its customers' domains has no end of them.
_MOST = 200
#: The policies under which mail keeps its own From.
_LABEL_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


@dataclass(frozen=True, slots=True)
class Sender:
    """One provider that may send for a domain, with what the operator knows of its records there."""

    provider: Provider
    selectors: tuple[str, ...] = ()
    return_path_label: str | None = None


def providers_in_use(session: Session) -> Sequence[Provider]:
    """Every provider that is not deleted, in the order in which they are tried."""
    query = select(Provider).where(Provider.deleted_at.is_(None)).order_by(Provider.priority, Provider.id)
    return session.scalars(query).all()


def known_names(session: Session) -> list[str]:
    """Domains of the providers' own From, their extra domains, and of what was sent lately; ASCII, without doubles."""
    names: dict[str, None] = {}
    for provider in providers_in_use(session):
        for domain in (provider.from_email.rpartition("@")[2], *provider.extra_domains):
            _note(names, domain)
    newest = select(Message.from_domain).order_by(Message.id.desc()).limit(_LATELY).subquery()
    for domain in session.scalars(select(newest.c.from_domain).distinct()):
        if domain:
            _note(names, domain)
    return list(names)[:_MOST]


def synchronise(session: Session, now: datetime) -> list[str]:
    """Give every known domain its row and drop those nobody knows any more; answers all names, sorted."""
    wanted = set(known_names(session))
    rows = {row.name: row for row in session.scalars(select(SendingDomain))}
    for name in wanted - rows.keys():
        session.add(SendingDomain(name=name, created_at=now, changes=[]))
    for name, row in rows.items():
        if name not in wanted and not row.entered:
            session.delete(row)
    session.flush()
    return sorted(wanted | {name for name, row in rows.items() if row.entered})


def all_domains(session: Session, now: datetime) -> list[SendingDomain]:
    """Every domain, by name; one that the clock has not met yet has no report."""
    rows = {row.name: row for row in session.scalars(select(SendingDomain))}
    for name in known_names(session):
        rows.setdefault(name, SendingDomain(name=name, created_at=now, changes=[]))
    return sorted(rows.values(), key=lambda row: row.name)


def find(session: Session, name: str, now: datetime) -> SendingDomain | None:
    """One domain, by its ASCII name."""
    return next((row for row in all_domains(session, now) if row.name == name), None)


def senders_for(session: Session, domain: str) -> list[Sender]:
    """The enabled providers that may send with a From at ``domain``, by priority."""
    kept = {row.provider_id: row for row in session.scalars(select(SenderRecord).where(SenderRecord.domain == domain))}
    found = []
    for provider in providers_in_use(session):
        own = (provider.from_email.rpartition("@")[2], *provider.extra_domains)
        if not provider.enabled or not may_send_from(provider.from_policy, own, domain):
            continue
        row = kept.get(provider.id)
        selectors = tuple(row.selectors) if row else ()
        found.append(Sender(provider, selectors, row.return_path_label if row else None))
    return found


def enter(database: Database, text: str, now: datetime) -> str:
    """Watch a domain that a person named; answers its ASCII form. Raises `Refused`."""
    try:
        name = ascii_domain(text)
    except InvalidDomain as error:
        raise Refused(f"{error}.", field="name") from error
    with database.write() as session:
        row = session.get(SendingDomain, name)
        if row is None:
            session.add(SendingDomain(name=name, entered=True, created_at=now, requested_at=now, changes=[]))
        else:
            row.entered, row.requested_at = True, now
    return name


def forget(database: Database, name: str) -> None:
    """Stop watching a domain. It comes back by itself while mail is sent from it."""
    with database.write() as session:
        session.execute(delete(SendingDomain).where(SendingDomain.name == name))


def request_check(database: Database, name: str, now: datetime) -> bool:
    """Note that a check is wanted; False when there is no such domain."""
    with database.write() as session:
        synchronise(session, now)
        row = session.get(SendingDomain, name)
        if row is not None:
            row.requested_at = now
    return row is not None


def set_records(database: Database, domain: str, provider_id: int, selectors: Sequence[str], label: str | None) -> None:
    """Keep the operator's DKIM selectors and return-path label of a provider. Raises `Refused`."""
    names = list(dict.fromkeys(name.strip().lower().removesuffix("._domainkey") for name in selectors if name.strip()))
    for name in [*names, *([label] if label else [])]:
        if not set(name.lower()) <= _LABEL_LETTERS or len(name) > 100:
            raise Refused(
                f"{name!r} is no label of a domain name: letters, digits and hyphens, such as s1.", field="selectors"
            )
    with database.write() as session:
        if session.get(Provider, provider_id) is None:
            raise Refused("There is no such provider.", code="not_found")
        row = session.get(SenderRecord, (domain, provider_id))
        if not names and not label:
            if row is not None:
                session.delete(row)
            return
        if row is None:
            row = SenderRecord(domain=domain, provider_id=provider_id)
            session.add(row)
        row.selectors, row.return_path_label = names, (label or "").strip().lower() or None


def titles(providers: Sequence[Provider]) -> Mapping[str, str]:
    """The name of each provider by its key in reports."""
    return {str(provider.id): provider.name for provider in providers}


def _note(names: dict[str, None], domain: str) -> None:
    try:
        names.setdefault(ascii_domain(domain))
    except InvalidDomain:
        # A From at an address literal or a bare host name: nothing is published for such a name.
        return
