"""API keys: made, listed, revoked, and recognised at the doors."""

import ipaddress
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from senddock.dispatch.refusals import Refused
from senddock.models import ApiKey, Database, Project, StorageUnavailable, Stream
from senddock.secrets.tokens import new_token, shown_prefix, token_hash

#: Seconds a recognised key is remembered; a revoked one stops working within this time.
_REMEMBERED = 3.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as far as the doors need to know."""

    key_id: int
    name: str
    project_id: int
    #: The stream the key is tied to, or ``None``.
    stream_id: int | None
    scope: str
    from_domains: frozenset[str]
    networks: tuple[str, ...]
    per_second: int | None
    expires_at: datetime | None

    def admits(self, address: str | None) -> bool:
        """True when the key may be used from this address."""
        if not self.networks:
            return True
        try:
            here = ipaddress.ip_address(address or "")
        except ValueError:
            return False
        return any(here in ipaddress.ip_network(network, strict=False) for network in self.networks)


def create(
    database: Database,
    name: str,
    *,
    project: str | None = None,
    stream: str | None = None,
    scope: str = "full",
    from_domains: Sequence[str] = (),
    networks: Sequence[str] = (),
    expires_at: datetime | None = None,
    per_second: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; the token is answered once and never again. Raises `Refused`."""
    if not name.strip():
        raise Refused("Give the key a name that says which application uses it.", field="name")
    if scope not in ("full", "sending"):
        raise Refused("The scope is full or sending.", field="scope")
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise Refused(f"{network} is not an IP network such as 10.0.0.0/8.", field="networks") from error
    token = new_token()
    with database.write() as session:
        owner = session.scalar(
            select(Project).where(Project.name == project) if project else select(Project).order_by(Project.id)
        )
        if owner is None:
            raise Refused(f"There is no project {project!r}.", field="project", code="not_found")
        tied = None
        if stream:
            tied = session.scalar(select(Stream).where(Stream.project_id == owner.id, Stream.name == stream))
            if tied is None:
                raise Refused(
                    f"There is no stream {stream!r} in project {owner.name}.", field="stream", code="not_found"
                )
        key = ApiKey(
            name=name.strip(),
            project_id=owner.id,
            stream_id=tied.id if tied else None,
            token_hash=token_hash(token),
            prefix=shown_prefix(token),
            scope=scope,
            from_domains=[domain.lower() for domain in from_domains],
            networks=list(networks),
            per_second=per_second,
            expires_at=expires_at,
            created_at=datetime.now(UTC),
        )
        session.add(key)
    return key, token


def all_keys(database: Database) -> Sequence[ApiKey]:
    """Every key, the newest first; revoked ones too, because history names them."""
    with database.read() as session:
        return session.scalars(select(ApiKey).order_by(ApiKey.id.desc())).all()


def revoke(database: Database, key_id: int) -> None:
    """End a key. Raises `Refused` when there is none."""
    with database.write() as session:
        key = session.get(ApiKey, key_id)
        if key is None:
            raise Refused(f"There is no API key {key_id}.", code="not_found")
        key.revoked_at = key.revoked_at or datetime.now(UTC)


class Keyring:
    """Recognises tokens; remembers them for some seconds so that a busy door asks the database rarely."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Caller | None]] = {}
        self._used: dict[int, float] = {}
        self._lock = threading.Lock()

    def recognise(self, token: str) -> Caller | None:
        """Who presents this token; ``None`` for an unknown, revoked or expired one."""
        hashed, clock = token_hash(token), time.monotonic()
        with self._lock:
            known = self._known.get(hashed)
        if known is None or clock - known[0] > _REMEMBERED:
            known = (clock, self._look_up(hashed))
            with self._lock:
                if len(self._known) > 10_000:
                    # Guesses must not grow the memory.
                    self._known.clear()
                self._known[hashed] = known
        caller = known[1]
        if caller is None or (caller.expires_at is not None and caller.expires_at <= datetime.now(UTC)):
            return None
        self._note_use(caller.key_id, clock)
        return caller

    def _look_up(self, hashed: str) -> Caller | None:
        with self._database.read() as session:
            key = session.scalar(select(ApiKey).where(ApiKey.token_hash == hashed, ApiKey.revoked_at.is_(None)))
        if key is None:
            return None
        return Caller(
            key_id=key.id,
            name=key.name,
            project_id=key.project_id,
            stream_id=key.stream_id,
            scope=key.scope,
            from_domains=frozenset(key.from_domains),
            networks=tuple(key.networks),
            per_second=key.per_second,
            expires_at=key.expires_at,
        )

    def _note_use(self, key_id: int, clock: float) -> None:
        last = self._used.get(key_id)
        if last is not None and clock - last < 60:
            return
        self._used[key_id] = clock
        now = datetime.now(UTC)
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    update(ApiKey)
                    .where(
                        ApiKey.id == key_id,
                        ApiKey.last_used_at.is_(None) | (ApiKey.last_used_at < now - timedelta(seconds=50)),
                    )
                    .values(last_used_at=now)
                )
        except StorageUnavailable:
            # "Last used" is for a person's eyes; the request itself finds out whether the store works.
            self._used.pop(key_id, None)
