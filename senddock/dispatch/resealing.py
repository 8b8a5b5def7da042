"""Changing the master key: every sealed value is opened with the ring and sealed again with its newest key."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from senddock.models import ConnectionTest, Database, Provider, Setting, User
from senddock.models.webhook import WebhookEndpoint
from senddock.secrets.vault import SealBroken, Vault, WrongMasterKey

#: Key of the setting that holds the vault's canary.
CANARY = "vault_canary"


@dataclass(frozen=True, slots=True)
class Place:
    """A column of sealed values, and the names it is bound to."""

    column: InstrumentedAttribute[Any]
    key: InstrumentedAttribute[Any]
    #: Name of the column inside the seal.
    bound_to: str


#: All of them; `tests/cli/test_keeping.py` compares them with the schema.
PLACES = (
    Place(Provider.password_sealed, Provider.id, "password"),
    Place(User.totp_sealed, User.id, "totp_sealed"),
    Place(ConnectionTest.sealed_settings, ConnectionTest.id, "settings"),
    Place(WebhookEndpoint.secret_sealed, WebhookEndpoint.id, "secret"),
    Place(WebhookEndpoint.previous_sealed, WebhookEndpoint.id, "previous"),
)


def reseal(database: Database, vault: Vault, now: datetime) -> int:
    """Seal what another key than the newest sealed; answers how many. One transaction: all or nothing.

    Raises `WrongMasterKey` and `SealBroken`; then nothing was changed.
    """
    changed = 0
    with database.write() as session:
        for place in PLACES:
            table = place.column.class_.__tablename__
            rows = session.execute(select(place.key, place.column).where(place.column.is_not(None))).all()
            for key, envelope in rows:
                if not vault.needs_rewrap(envelope):
                    continue
                at = {"table": table, "row": str(key), "column": place.bound_to}
                sealed = vault.seal(vault.open(envelope, **at), **at)
                session.execute(update(place.column.class_).where(place.key == key).values({place.column.key: sealed}))
                changed += 1
        session.execute(update(Setting).where(Setting.key == CANARY).values(value=vault.canary(), updated_at=now))
    return changed


def refresh_fingerprints(database: Database, vault: Vault) -> None:
    """Fingerprints are made with the oldest key of the ring: write them anew when that one is gone."""
    with database.write() as session:
        for provider in session.scalars(select(Provider).where(Provider.password_sealed.is_not(None))):
            password = vault.open(
                provider.password_sealed or "", table="provider", row=str(provider.id), column="password"
            )
            provider.password_fingerprint = vault.fingerprint(password.decode())


def unreadable(database: Database, vault: Vault) -> Iterator[str]:
    """Sealed values that do not open, as ``table row``; for a look at the house's health."""
    with database.read() as session:
        for place in PLACES:
            table = place.column.class_.__tablename__
            for key, envelope in session.execute(
                select(place.key, place.column).where(place.column.is_not(None))
            ).all():
                try:
                    vault.open(envelope, table=table, row=str(key), column=place.bound_to)
                except (SealBroken, WrongMasterKey):
                    yield f"{table} {key}"
