"""What the engine knows of streams, routes and providers: a snapshot, renewed when the configuration changes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from senddock.dispatch import teaching
from senddock.dispatch.named_domains import named_domains
from senddock.dispatch.version import VERSION_KEY
from senddock.domain.experiment import Arm, Experiment
from senddock.domain.retry import Schedule
from senddock.domain.routing import Trial
from senddock.domain.rules import RulePack, standard_rules
from senddock.models import Database, Provider, Route, Setting, Stream
from senddock.models import Experiment as ExperimentRow
from senddock.secrets.vault import Vault
from senddock.smtp.target import Target, Timeouts

#: Seconds for which a snapshot is used before the version is looked at again.
_FRESH = 1.0


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream as the engine needs it."""

    id: int
    project_id: int
    name: str
    #: 0 for transactional, 1 for marketing: lower goes first.
    rank: int
    on_uncertain: str
    schedule: Schedule
    patience: int
    #: Provider id to (priority, weight).
    routes: Mapping[int, tuple[int, int]]
    experiment: Experiment | None = None
    #: Recipient domains that statistics count by name.
    named: frozenset[str] = frozenset()

    def trial(self, recipient: str, now: datetime) -> Trial | None:
        """The recipient's arm, while an experiment runs on this stream."""
        experiment = self.experiment
        return experiment.trial(recipient) if experiment is not None and experiment.runs(now) else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that was configured at one moment. Rows are detached; passwords are still sealed."""

    version: str
    streams: Mapping[int, StreamView]
    providers: Mapping[int, Provider]
    #: The product's rules behind those that operators taught.
    rules: RulePack = field(default_factory=standard_rules)


class Roster:
    """Hands out the newest snapshot and opens a password for the session that is being opened."""

    def __init__(self, database: Database, vault: Vault, *, dns_servers: tuple[str, ...], greet_as: str) -> None:
        self._database = database
        self._vault = vault
        self._dns_servers = dns_servers
        self._greet_as = greet_as
        self._snapshot: Snapshot | None = None
        self._checked = 0.0

    def snapshot(self) -> Snapshot:
        """The configuration, at most a second old. Raises what the database raises when there is none yet."""
        now = time.monotonic()
        known = self._snapshot
        if known is not None and now - self._checked < _FRESH:
            return known
        with self._database.read() as session:
            version = session.scalar(select(Setting.value).where(Setting.key == VERSION_KEY)) or "0"
            if known is None or known.version != version:
                known = self._snapshot = load(session, version)
        self._checked = now
        return known

    def rules(self) -> RulePack:
        """Those of the snapshot at hand: a reply that has come is judged without asking the database for anything."""
        return self._snapshot.rules if self._snapshot is not None else standard_rules()

    def forget(self) -> None:
        """Look at the configuration again with the next call."""
        self._checked = 0.0

    def target(self, provider: Provider) -> Target:
        """Where to connect, with the password opened. Raises the vault's errors when it cannot be."""
        return target_of(provider, self._vault, dns_servers=self._dns_servers, greet_as=self._greet_as)


def load(session: Session, version: str = "") -> Snapshot:
    """The configuration as it is stored."""
    routes: dict[int, dict[int, tuple[int, int]]] = {}
    for route in session.scalars(select(Route)):
        routes.setdefault(route.stream_id, {})[route.provider_id] = (route.priority, route.weight)
    providers = {row.id: _plain(row) for row in session.scalars(select(Provider).where(Provider.deleted_at.is_(None)))}
    standard = {row.id: (row.priority, 100) for row in providers.values()}
    named = named_domains(session.connection())
    experiments = {
        row.stream_id: view_of(row) for row in session.scalars(select(ExperimentRow).order_by(ExperimentRow.ends_at))
    }
    streams = {
        row.id: _view(row, routes.get(row.id) or standard, experiments.get(row.id), named)
        for row in session.scalars(select(Stream))
    }
    return Snapshot(version, streams, providers, teaching.pack(session))


def target_of(provider: Provider, vault: Vault, *, dns_servers: tuple[str, ...], greet_as: str) -> Target:
    """The one place where a stored password becomes readable: for the session that signs in with it."""
    password = None
    if provider.password_sealed:
        sealed = provider.password_sealed
        password = vault.open(sealed, table="provider", row=str(provider.id), column="password").decode()
    return Target(
        host=provider.host,
        port=provider.port,
        encryption=provider.encryption,
        username=provider.username or None,
        password=password,
        timeouts=Timeouts.of(provider.timeouts),
        dns_servers=dns_servers,
        greet_as=greet_as,
    )


def _plain(row: Provider) -> Provider:
    """The row's values without the mapping: reading a mapped attribute costs as much as ten plain ones, and each message
    reads thirty."""
    names = [attribute.key for attribute in Provider.__mapper__.column_attrs]
    return cast("Provider", SimpleNamespace(**{name: getattr(row, name) for name in names}))


def view_of(row: ExperimentRow) -> Experiment:
    """A stored experiment as the domain knows it."""
    arms = tuple(Arm(int(arm["provider_id"]), float(arm["share"])) for arm in row.arms)
    return Experiment(row.id, row.name, arms, row.starts_at, row.ends_at)


def _view(
    row: Stream, routes: Mapping[int, tuple[int, int]], experiment: Experiment | None, named: frozenset[str]
) -> StreamView:
    return StreamView(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        rank=0 if row.kind == "transactional" else 1,
        on_uncertain=row.on_uncertain,
        schedule=Schedule(row.retry_first_seconds, row.retry_longest_seconds, row.max_age_seconds),
        patience=row.patience_seconds,
        routes=routes,
        experiment=experiment,
        named=named,
    )
