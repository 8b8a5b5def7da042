"""What tests share: databases, Redis, a provider that does as it is told, and an engine that is driven by hand."""

import contextlib
import os
import shutil
import ssl
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg
import pytest
import trustme
from redis import Redis

from senddock import redis_server, schema
from senddock.dispatch import providers
from senddock.dispatch.channels import Channel
from senddock.dispatch.engine import Engine
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.outbox import Outbox, utcnow
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests import postgres
from tests.dns_server import DnsServer, Zone
from tests.smtp_server import ScriptedSMTP

if TYPE_CHECKING:
    from tests.submission.running import RunningDoor

# A property is about what holds, not how fast it is shown: the machine may be busy.
# The same examples each time, so that a change is judged by itself; HYPOTHESIS=explore looks for new ones.
_BUSY = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=_BUSY, derandomize=True, database=None
)
hypothesis.settings.register_profile("explore", deadline=None, suppress_health_check=_BUSY, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS", "suite"))

_DATABASES = ["sqlite", "postgresql"] if postgres.binaries() else ["sqlite"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the person who runs the suite must not reach it."""
    for name in list(os.environ):
        if name.startswith("SENDDOCK_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """A PostgreSQL server for this session."""
    bin_dir = postgres.binaries()
    assert bin_dir is not None
    with postgres.server(bin_dir) as folder:
        yield folder


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "senddock.db"
    made = Database(f"sqlite:///{path}")
    schema.upgrade(made)
    made.close()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_socket: str) -> str:
    """A migrated database to copy."""
    with psycopg.connect(f"host={postgres_socket} user=senddock dbname=postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_senddock")
    made = Database(f"postgresql+psycopg://senddock@/template_senddock?host={postgres_socket}")
    schema.upgrade(made)
    made.close()
    return "template_senddock"


@pytest.fixture(params=_DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind, at the current schema."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "senddock.db")
        yield f"sqlite:///{tmp_path}/senddock.db"
        return
    with new_postgresql(
        request.getfixturevalue("postgres_socket"), request.getfixturevalue("postgres_template")
    ) as url:
        yield url


@contextlib.contextmanager
def new_postgresql(folder: str, template: str) -> Iterator[str]:
    """A PostgreSQL database at the current schema, for the length of the block."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"host={folder} user=senddock dbname=postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}')
        yield f"postgresql+psycopg://senddock@/{name}?host={folder}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database at the current schema, on SQLite and on PostgreSQL."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def sqlite(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """A database at the current schema, for tests in which the kind of database plays no part."""
    shutil.copy(sqlite_template, tmp_path / "only.db")
    made = Database(f"sqlite:///{tmp_path}/only.db")
    yield made
    made.close()


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[str]:
    """A Redis server for this session, on a unix socket."""
    with tempfile.TemporaryDirectory(prefix="sdr", dir="/tmp") as folder:
        process, _ = redis_server.start(Path(folder))
        yield redis_server.url_of(Path(folder))
        process.terminate()
        process.wait(60)


@pytest.fixture
def redis(redis_socket: str) -> Iterator["Redis"]:
    """An empty Redis."""
    client = Redis.from_url(redis_socket)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def vault() -> Vault:
    """A vault with a key of its own."""
    return Vault([os.urandom(32)])


@pytest.fixture
def smtp_server() -> Iterator[Callable[..., ScriptedSMTP]]:
    """Makes scripted providers; all of them are stopped at the end."""
    made: list[ScriptedSMTP] = []

    def make(*args: Any, **options: Any) -> ScriptedSMTP:
        made.append(ScriptedSMTP(*args, **options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def dns_zone() -> Iterator[Callable[..., DnsServer]]:
    """Factory: `dns_zone({"example.test": ["TXT v=spf1 -all"]})` starts a server; it ends with the test."""
    started: list[DnsServer] = []

    def start(zone: Zone, **options: Any) -> DnsServer:
        server = DnsServer(zone, **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that only the suite trusts."""
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a server on localhost and 127.0.0.1 needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


class Bench:
    """One worker's engine, driven by hand, with what it needs around it."""

    def __init__(self, database: Database, vault: Vault, redis: "Redis | None", lanes: int = 3) -> None:
        self.database = database
        self.vault = vault
        self.outbox = Outbox(database, lambda: None)
        self.redis = redis
        self._lanes = lanes
        self._engine: Engine | None = None
        #: For hosts that are names; ``host:port``.
        self.dns_servers: tuple[str, ...] = ()
        #: The clock of the engine.
        self.now: Callable[[], datetime] = utcnow

    @property
    def engine(self) -> Engine:
        """Made when it is first used, after the providers."""
        if self._engine is None:
            self._engine = Engine(
                self.database,
                self.vault,
                self.redis,
                lanes=self._lanes,
                workers=1,
                dns_servers=self.dns_servers,
                now=self.now,
            )
        return self._engine

    def provider(self, port: int, name: str = "one", priority: int = 1, **values: Any) -> int:
        """Add a provider on loopback."""
        password = values.pop("password", None)
        timeouts = values.pop("timeouts", None)
        given = {"name": name, "host": "127.0.0.1", "port": port, "encryption": "none", "from_email": "us@example.com"}
        row = providers.add(self.database, self.vault, {**given, "priority": priority, **values}, password)
        if timeouts:
            with self.database.write() as session:
                kept = session.get(type(row), row.id)
                assert kept is not None
                kept.timeouts = timeouts
        return row.id

    def submit(self, *to: str, stream_id: int = 1, **values: Any) -> str:
        """Hand one message over."""
        given: dict[str, Any] = {"from_": "us@example.com", "subject": "Hello", "text": "It works.\n", **values}
        mail = Mail(to=to or ("a@example.org",), **given)
        submission = submission_of(mail, Channel(1, stream_id, "api"), datetime.now(UTC))
        return self.outbox.submit([submission]).ids[0]

    def story(self, message_id: str) -> dict[str, Any]:
        """What the log says about it."""
        from senddock.dispatch import journal

        with self.database.read() as session:
            found = journal.story(session, message_id)
        assert found is not None
        return journal.story_json(found)

    def close(self) -> None:
        """Stop the engine."""
        if self._engine is not None:
            self._engine.stop(5)
        self.outbox.close()


@pytest.fixture
def bench(database: Database, vault: Vault, redis: "Redis") -> Iterator[Bench]:
    """An engine on both databases with a real Redis."""
    made = Bench(database, vault, redis)
    yield made
    made.close()


@pytest.fixture
def sqlite_bench(sqlite: Database, vault: Vault) -> Iterator[Bench]:
    """An engine on SQLite without Redis, for the matrix of faults."""
    made = Bench(sqlite, vault, None)
    yield made
    made.close()


@pytest.fixture
def open_door(sqlite: Database) -> Iterator[Callable[..., "RunningDoor"]]:
    """Makes doors on SQLite; all of them are stopped at the end."""
    from tests.submission.running import RunningDoor

    made: list[RunningDoor] = []

    def make(database: Database | None = None, **options: Any) -> "RunningDoor":
        made.append(RunningDoor(database or sqlite, **options))
        return made[-1]

    yield make
    for door in made:
        door.stop()
