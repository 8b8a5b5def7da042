"""Managing providers; what may stand in their fields is decided by `provider_fields`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from senddock.dispatch.provider_fields import FIELDS, LIMITS, check, cleaned, refuse_unknown
from senddock.dispatch.refusals import Refused, RefusedFields
from senddock.dispatch.version import announce
from senddock.domain.breaker import Breaker, Phase
from senddock.models import BreakerState, Database, Message, Provider, Route, SlowdownState, Stream
from senddock.secrets.vault import Vault

_IN_ORDER = select(Provider).where(Provider.deleted_at.is_(None)).order_by(Provider.priority, Provider.id)


def add(database: Database, vault: Vault, values: Mapping[str, Any], password: str | None) -> Provider:
    """Store a new provider. Raises `RefusedFields`."""
    refuse_unknown(values)
    given = {"priority": 1, "from_policy": "any", "enabled": True, "transactional_reserve": 10, **cleaned(values)}
    errors = check(given)
    if errors:
        raise RefusedFields(errors)
    now = datetime.now(UTC)
    with database.write() as session:
        provider = Provider(**given, created_at=now, updated_at=now)
        session.add(provider)
        session.flush()
        _seal(provider, vault, password, now)
        announce(session, now)
    return provider


def change(
    database: Database, vault: Vault, provider_id: int, values: Mapping[str, Any], password: str | None = None
) -> Provider:
    """Change some fields; ``password`` ``None`` keeps the stored one. Raises `Refused`."""
    refuse_unknown(values)
    now = datetime.now(UTC)
    with database.write() as session:
        provider = _get(session, provider_id)
        merged = {field: getattr(provider, field) for field in FIELDS} | cleaned(values)
        errors = check(merged)
        if errors:
            raise RefusedFields(errors)
        for field, value in merged.items():
            setattr(provider, field, value)
        provider.updated_at = now
        if password:
            _seal(provider, vault, password, now)
        # Changed settings deserve a fresh start: what failed before may be what was mended.
        session.execute(delete(BreakerState).where(BreakerState.provider_id == provider_id))
        announce(session, now)
    return provider


def all_providers(database: Database) -> Sequence[Provider]:
    """Every provider that is not deleted, by priority."""
    with database.read() as session:
        return in_order(session)


def get(database: Database, provider_id: int) -> Provider:
    """One provider. Raises `Refused` with code ``not_found``."""
    with database.read() as session:
        return _get(session, provider_id)


def set_enabled(database: Database, provider_id: int, *, enabled: bool) -> Provider:
    """Take a provider in or out of use."""
    now = datetime.now(UTC)
    with database.write() as session:
        provider = _get(session, provider_id)
        provider.enabled = enabled
        provider.updated_at = now
        announce(session, now)
    return provider


def resume(database: Database, provider_id: int) -> Provider:
    """A person has acted: breakers close, the pace is the full one, and mail that waited for it goes on."""
    now = datetime.now(UTC)
    with database.write() as session:
        provider = _get(session, provider_id)
        session.execute(delete(BreakerState).where(BreakerState.provider_id == provider_id))
        session.execute(delete(SlowdownState).where(SlowdownState.provider_id == provider_id))
        announce(session, now)
    return provider


def make_default(database: Database, provider_id: int) -> Provider:
    """Put a provider first: it gets priority 1 and the others keep their order behind it."""
    now = datetime.now(UTC)
    with database.write() as session:
        provider = _get(session, provider_id)
        session.execute(update(Provider).values(is_default=False))
        session.flush()
        others = [row for row in in_order(session) if row.id != provider_id]
        if any(row.priority <= 1 for row in others):
            floor = min(row.priority for row in others)
            for row in others:
                row.priority += 2 - floor
        provider.priority, provider.is_default = 1, True
        announce(session, now)
    return provider


def move(database: Database, provider_id: int, steps: int) -> None:
    """Move a provider up (negative) or down the order; priorities are numbered anew from 1."""
    now = datetime.now(UTC)
    with database.write() as session:
        provider = _get(session, provider_id)
        order = list(in_order(session))
        place = order.index(provider)
        order.insert(max(0, min(len(order) - 1, place + steps)), order.pop(place))
        for number, row in enumerate(order, 1):
            row.priority = number
            row.is_default = row.is_default and number == 1
        announce(session, now)


def reorder(database: Database, ids: Sequence[int]) -> None:
    """Number the providers in the order of ``ids``; those not named come after, in their old order."""
    now = datetime.now(UTC)
    with database.write() as session:
        wanted = {provider_id: number for number, provider_id in enumerate(ids)}
        order = sorted(in_order(session), key=lambda row: wanted.get(row.id, len(wanted) + row.priority))
        for number, row in enumerate(order, 1):
            row.priority = number
            row.is_default = row.is_default and number == 1
        announce(session, now)


def duplicate(database: Database, vault: Vault, provider_id: int) -> Provider:
    """A copy of everything but the password, disabled until somebody has looked at it."""
    source = get(database, provider_id)
    values = {field: getattr(source, field) for field in FIELDS}
    values.update(name=f"{source.name} (copy)", enabled=False, priority=source.priority + 1)
    return add(database, vault, values, None)


def waiting_for(database: Database, provider_id: int) -> int:
    """How many waiting messages were told to go through this provider and no other."""
    with database.read() as session:
        return (
            session.scalar(
                select(func.count())
                .select_from(Message)
                .where(Message.due_at.is_not(None), Message.pinned_provider_id == provider_id)
            )
            or 0
        )


def routed_streams(database: Database, provider_id: int) -> Sequence[str]:
    """Names of the streams that route to this provider by name."""
    with database.read() as session:
        return session.scalars(
            select(Stream.name).join(Route, Route.stream_id == Stream.id).where(Route.provider_id == provider_id)
        ).all()


def remove(database: Database, provider_id: int) -> None:
    """Take a provider away for good: its password is erased, its name stays in the history."""
    now = datetime.now(UTC)
    with database.write() as session:
        provider = _get(session, provider_id)
        provider.deleted_at = now
        provider.enabled = provider.is_default = False
        provider.password_sealed = provider.password_fingerprint = provider.username = None
        session.execute(delete(Route).where(Route.provider_id == provider_id))
        session.execute(delete(BreakerState).where(BreakerState.provider_id == provider_id))
        announce(session, now)


def state_of(provider: Provider, breaker: Breaker | None) -> str:
    """One word for the list: ``healthy``, ``recovering``, ``failing``, ``paused`` or ``disabled``."""
    if not provider.enabled:
        return "disabled"
    if breaker is None or breaker.phase is Phase.CLOSED:
        return "healthy"
    if breaker.phase is Phase.PAUSED:
        return "paused"
    if breaker.phase in (Phase.TRIAL, Phase.RAMP, Phase.PROBING):
        return "recovering"
    return "limited" if breaker.verdict_class in ("quota_exceeded", "rate_limited") else "failing"


def describe(provider: Provider, state: str) -> dict[str, Any]:
    """The outward shape; never a password."""
    shown = "id name preset host port username encryption from_email from_name from_policy priority enabled".split()
    return {
        **{field: getattr(provider, field) for field in shown},
        "default": provider.is_default,
        "state": state,
        "limits": {field: getattr(provider, field) for field in LIMITS if getattr(provider, field) is not None},
        "timeouts": dict(provider.timeouts or {}),
        "password_set_at": provider.password_set_at.isoformat() if provider.password_set_at else None,
    }


def _seal(provider: Provider, vault: Vault, password: str | None, now: datetime) -> None:
    if password:
        provider.password_sealed = vault.seal(
            password.encode(), table="provider", row=str(provider.id), column="password"
        )
        provider.password_fingerprint = vault.fingerprint(password)
        provider.password_set_at = now


def _get(session: Session, provider_id: int) -> Provider:
    provider = session.get(Provider, provider_id)
    if provider is None or provider.deleted_at is not None:
        raise Refused(f"There is no provider {provider_id}: `senddock provider list` shows them.", code="not_found")
    return provider


def in_order(session: Session) -> Sequence[Provider]:
    """The same in a session that is open already."""
    return session.scalars(_IN_ORDER).all()


def count(database: Database) -> int:
    """How many providers there are."""
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Provider).where(Provider.deleted_at.is_(None))) or 0
