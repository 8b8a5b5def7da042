"""Managing providers: the rules of the form are here, so panel, command line and API refuse the same things."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused, RefusedFields
from senddock.dispatch.version import announce
from senddock.domain.advice import connection_advice, from_advice
from senddock.domain.breaker import Breaker, Phase
from senddock.domain.envelope import Address, InvalidAddress
from senddock.models import BreakerState, Database, Provider, Route, Stream
from senddock.secrets.vault import Vault

ENCRYPTIONS = ("starttls", "ssl", "none")
_LIMITS = (
    "per_second",
    "per_minute",
    "per_hour",
    "per_day",
    "per_month",
    "max_connections",
    "messages_per_connection",
    "recipients_per_message",
    "max_message_bytes",
)
_TEXTS = ("name", "preset", "host", "encryption", "username", "from_email", "from_name", "from_policy")
_FIELDS = frozenset({*_TEXTS, *_LIMITS, "port", "priority", "enabled", "plain_confirmed", "extra_domains"})
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63})*\.?|\[?[0-9A-Fa-f:.]+\]?)")


def check(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with a provider's settings: field to sentence; empty when they can be saved. Pure."""
    errors: dict[str, str] = {}
    if not str(values.get("name") or "").strip():
        errors["name"] = "Give the provider a name, such as “AWS SES Production”."
    host = str(values.get("host") or "").strip()
    if not _HOST.fullmatch(host) or len(host) > 253:
        errors["host"] = "The host is the SMTP server's name, such as smtp.example.com (without https:// and port)."
    port = values.get("port")
    if not isinstance(port, int) or not 1 <= port <= 65535:
        errors["port"] = "The port is a number from 1 to 65535; 587 is recommended for TLS, 465 for SSL."
    encryption = values.get("encryption")
    if encryption not in ENCRYPTIONS:
        errors["encryption"] = "Choose TLS (starttls), SSL (ssl) or none."
    try:
        Address.parse(str(values.get("from_email") or ""))
    except InvalidAddress as error:
        errors["from_email"] = f"The From email is not usable: {error}."
    for field in ("name", "username", "from_name"):
        if re.search(r"[\x00-\x1f\x7f]", str(values.get(field) or "")):
            errors[field] = "Line breaks and control characters are not allowed here."
    if not isinstance(values.get("priority", 1), int) or not 1 <= values.get("priority", 1) <= 1000:
        errors["priority"] = "The priority is a number from 1 (tried first) to 1000."
    if values.get("from_policy", "any") not in ("any", "own", "rewrite"):
        errors["from_policy"] = "Choose any, own or rewrite."
    for field in _LIMITS:
        amount = values.get(field)
        if amount is not None and (not isinstance(amount, int) or amount < 1):
            errors[field] = "A limit is a whole number of at least 1; leave it empty for no limit."
    if not errors:
        confirmed = bool(values.get("plain_confirmed"))
        remarks = connection_advice(host, int(values["port"]), str(encryption), plain_confirmed=confirmed)
        remarks += from_advice(str(values["from_email"]), values.get("from_name"), host)
        errors.update({remark.field: remark.text for remark in remarks if remark.level == "error"})
    return errors


def add(database: Database, vault: Vault, values: Mapping[str, Any], password: str | None) -> Provider:
    """Store a new provider; the first becomes the default. Raises `RefusedFields`."""
    _refuse_unknown(values)
    given = {"priority": 1, "from_policy": "any", "enabled": True, **_cleaned(values)}
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
    _refuse_unknown(values)
    now = datetime.now(UTC)
    with database.write() as session:
        provider = _get(session, provider_id)
        merged = {field: getattr(provider, field) for field in _FIELDS} | _cleaned(values)
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
        return session.scalars(
            select(Provider).where(Provider.deleted_at.is_(None)).order_by(Provider.priority, Provider.id)
        ).all()


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


def make_default(database: Database, provider_id: int) -> Provider:
    """Put a provider first: it gets priority 1 and the others keep their order behind it."""
    now = datetime.now(UTC)
    with database.write() as session:
        provider = _get(session, provider_id)
        session.execute(update(Provider).values(is_default=False))
        session.flush()
        others = [row for row in _ordered(session) if row.id != provider_id]
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
        order = list(_ordered(session))
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
        order = sorted(_ordered(session), key=lambda row: wanted.get(row.id, len(wanted) + row.priority))
        for number, row in enumerate(order, 1):
            row.priority = number
            row.is_default = row.is_default and number == 1
        announce(session, now)


def duplicate(database: Database, vault: Vault, provider_id: int) -> Provider:
    """A copy of everything but the password, disabled until somebody has looked at it."""
    source = get(database, provider_id)
    values = {field: getattr(source, field) for field in _FIELDS}
    values.update(name=f"{source.name} (copy)", enabled=False, priority=source.priority + 1)
    return add(database, vault, values, None)


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
        "limits": {field: getattr(provider, field) for field in _LIMITS if getattr(provider, field) is not None},
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


def _ordered(session: Session) -> Sequence[Provider]:
    return session.scalars(
        select(Provider).where(Provider.deleted_at.is_(None)).order_by(Provider.priority, Provider.id)
    ).all()


def _cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = dict(values)
    for field in _TEXTS:
        if isinstance(cleaned.get(field), str):
            cleaned[field] = cleaned[field].strip()
    for field in ("username", "from_name", "preset"):
        if field in cleaned:
            cleaned[field] = cleaned[field] or None
    return cleaned


def _refuse_unknown(values: Mapping[str, Any]) -> None:
    unknown = set(values) - _FIELDS
    if unknown:
        raise Refused(f"A provider has no field {', '.join(sorted(unknown))}.")


def count(database: Database) -> int:
    """How many providers there are."""
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Provider).where(Provider.deleted_at.is_(None))) or 0
