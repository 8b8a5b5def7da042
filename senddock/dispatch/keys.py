"""API keys: made, listed, revoked, and recognised at the doors."""

import ipaddress
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from senddock.dispatch.caller import Caller, KeyRefused
from senddock.dispatch.refusals import Refused
from senddock.domain.envelope import Address, InvalidAddress
from senddock.models import ApiKey, Database, Project, StorageUnavailable, Stream
from senddock.secrets.tokens import new_token, shown_prefix, token_hash

#: Seconds a recognised key is remembered; a revoked one stops working within this time.
_REMEMBERED = 3.0


def create(
    database: Database,
    name: str,
    *,
    project: str | None = None,
    streams: Sequence[str] = (),
    scope: str = "full",
    from_domains: Sequence[str] = (),
    networks: Sequence[str] = (),
    expires_at: datetime | None = None,
    per_second: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; the token is answered once and never again. Raises `Refused`.

    ``streams`` are those the key may use, the first of them being meant when a submission names none; without any,
    all of the project. ``per_second`` limits its HTTP requests and its messages by SMTP, together.
    """
    if not name.strip():
        raise Refused("Give the key a name that says which application uses it.", field="name")
    if scope not in ("full", "sending"):
        raise Refused("The scope is full or sending.", field="scope")
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise Refused(f"{network} is not an IP network such as 10.0.0.0/8.", field="networks") from error
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise Refused("The key would have expired already: give a time ahead.", field="expires_at")
    if per_second is not None and not 1 <= per_second <= 100_000:
        raise Refused("The limit is a number of requests a second, from 1 to 100000.", field="per_second")
    domains = [_domain(text) for text in from_domains]
    token = new_token()
    with database.write() as session:
        owner = session.scalar(
            select(Project).where(Project.name == project) if project else select(Project).order_by(Project.id)
        )
        if owner is None:
            raise Refused(f"There is no project {project!r}.", field="project", code="not_found")
        known = {row.name: row.id for row in session.scalars(select(Stream).where(Stream.project_id == owner.id))}
        for stream in streams:
            if stream not in known:
                raise Refused(
                    f"There is no stream {stream!r} in project {owner.name}.", field="stream", code="not_found"
                )
        tied = [known[stream] for stream in dict.fromkeys(streams)]
        key = ApiKey(
            name=name.strip(),
            project_id=owner.id,
            stream_id=tied[0] if tied else None,
            other_stream_ids=tied[1:],
            token_hash=token_hash(token),
            prefix=shown_prefix(token),
            scope=scope,
            from_domains=domains,
            networks=list(networks),
            per_second=per_second,
            expires_at=expires_at,
            created_at=datetime.now(UTC),
        )
        session.add(key)
    return key, token


def _domain(text: str) -> str:
    """A From domain as it is compared: lower case, in ASCII; a leading ``*.`` stays."""
    star, domain = ("*.", text.strip()[2:]) if text.strip().startswith("*.") else ("", text.strip())
    try:
        return star + Address.parse(f"a@{domain}").ascii_domain
    except InvalidAddress as error:
        raise Refused(
            f"{text!r} is not a domain: write example.com, or *.example.com for everything below it.",
            field="from_domains",
        ) from error


def all_keys(database: Database) -> Sequence[ApiKey]:
    """All keys, the newest first."""
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

    def admit(self, token: str, address: str | None) -> Caller:
        """Who presents this token from this IP address. Raises `KeyRefused`."""
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
        if caller is None:
            raise KeyRefused("The API key is not known, or was revoked: make one under API Keys.")
        caller.check_door(address, datetime.now(UTC))
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
            stream_ids=() if key.stream_id is None else (key.stream_id, *key.other_stream_ids),
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
