"""What commands share: settings, database, vault and Redis, each opened when it is first asked for."""

import contextlib
import functools
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from senddock.config import ConfigurationError, Settings

if TYPE_CHECKING:
    from redis import Redis

    from senddock.models import Database
    from senddock.secrets.vault import Vault


class House:
    """Opened lazily: `senddock explain` needs no database, `senddock worker` no Flask."""

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings, with the data folder made."""
        settings = Settings.from_env()
        try:
            settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(
                f"SENDDOCK_DATA_DIR names {str(settings.data_dir)!r}, which cannot be used as a folder: {error.strerror}"
            ) from error
        return settings

    @functools.cached_property
    def database(self) -> "Database":
        """The database, at the current schema."""
        from senddock import schema
        from senddock.models import Database

        database = Database(self.settings.database_url)
        schema.upgrade(database)
        return database

    @property
    def has_database(self) -> bool:
        """False while nothing was stored yet: a command that can do without a database does not make one."""
        url = Settings.from_env().database_url
        return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists()

    @functools.cached_property
    def ring(self) -> "Vault":
        """The keys as they are configured, whether or not they fit the database."""
        from senddock.secrets.master_key import load_or_create
        from senddock.secrets.vault import Vault

        return Vault(load_or_create(self.settings.data_dir, self.settings.master_key))

    @functools.cached_property
    def vault(self) -> "Vault":
        """The vault, once it is certain that it holds the key of this database. Raises `WrongMasterKey`."""
        from sqlalchemy import select

        from senddock.dispatch.resealing import CANARY
        from senddock.models import Setting

        vault = self.ring
        with self.database.write() as session:
            row = session.scalar(select(Setting).where(Setting.key == CANARY))
            if row is None:
                session.add(Setting(key=CANARY, value=vault.canary(), updated_at=datetime.now(UTC)))
            else:
                vault.check_canary(row.value)
        return vault

    @functools.cached_property
    def redis_url(self) -> str:
        """The configured Redis, or the socket of the bundled one."""
        from senddock.redis_server import url_of

        return self.settings.redis_url or url_of(self.settings.data_dir)

    @functools.cached_property
    def redis(self) -> "Redis":
        """A client; connects when it is first used."""
        from senddock.dispatch.redis_circuit import CircuitRedis

        return CircuitRedis.connect(self.redis_url)

    def close(self) -> None:
        """Close what was opened; it is opened again when it is asked for."""
        for name in ("database", "redis"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Hold the data folder so that no `senddock up` works on it. Raises ``click.ClickException`` when one does."""
        from senddock.supervisor import AlreadyRunning, hold_lock

        try:
            lock = hold_lock(self.settings.data_dir)
        except AlreadyRunning as error:
            raise click.ClickException(f"stop SendDock first, then {what}: {error}") from error
        with lock:
            at_work = self._workers_at_work()
            # The database's file may be exchanged now.
            self.close()
            if at_work:
                raise click.ClickException(f"stop SendDock first, then {what}: a worker is at work on this database")
            yield

    def _workers_at_work(self) -> bool:
        """True when a worker that was started by itself has given a sign of life just now."""
        from sqlalchemy import select

        from senddock.dispatch.engine import LEASE
        from senddock.models import Worker

        if not self.has_database:
            return False
        since = datetime.now(UTC) - timedelta(seconds=LEASE)
        with self.database.read() as session:
            query = select(Worker.id).where(Worker.stopped_at.is_(None), Worker.heartbeat_at > since)
            return session.scalar(query.limit(1)) is not None

    def wake(self) -> None:
        """Wake a worker if there is a Redis to do it through; the clock finds the mail otherwise."""
        from senddock.dispatch.wake import Waker
        from senddock.redis_server import NoRedisServer

        try:
            Waker(self.redis)()
        except NoRedisServer:
            return

    def log_to_stderr(self) -> None:
        """Logging of a process that stays."""
        if self.settings.log_format == "json":
            handler: logging.Handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(_JsonLines())
            logging.basicConfig(level=logging.INFO, handlers=[handler])
        else:
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        for noisy in ("alembic", "rq.worker", "mail.log"):
            logging.getLogger(noisy).setLevel(logging.WARNING)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
#: Letters of one cell of a table; `--json` has them all.
_WIDEST = 60

pass_house = click.make_pass_decorator(House)
as_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")


def show(data: Any) -> None:
    """Print JSON for programs."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str))


@contextlib.contextmanager
def progress_to(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, if that is a terminal: standard output belongs to the answer. Tell it done and total."""
    if not sys.stderr.isatty():
        # Cron would send a mail about the label.
        yield lambda *_: None
        return
    with click.progressbar(length=1000, label=label, file=sys.stderr, show_eta=False) as bar:
        yield lambda done, total: bar.update(max(0, done * 1000 // max(1, total) - bar.pos))


def done(data: dict[str, Any], sentence: str, as_json: bool) -> None:
    """Say what was done, to a program or to a person."""
    if as_json:
        show(data)
    else:
        click.echo(sentence)


def table(headings: list[str], rows: list[list[Any]], empty: str) -> None:
    """Print columns for people."""
    if not rows:
        click.echo(empty)
        return
    texts = [headings, *[["" if cell is None else shown(str(cell), _WIDEST) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(headings))]
    for row in texts:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def shown(text: str, most: int | None = None) -> str:
    """Text that came from outside, for a terminal: what a sender wrote must not move the cursor or colour the screen."""
    plain = text if text.isprintable() else _UNSAFE.sub("\ufffd", text)
    return plain if most is None or len(plain) <= most else plain[: most - 1] + "…"


def standard_input(what: str, *, one_line: bool = False) -> str:
    """Its text. Raises ``click.ClickException`` when it is closed or no UTF-8."""
    if sys.stdin is None:
        raise click.ClickException(f"{what}: standard input is closed")
    data = sys.stdin.buffer.readline() if one_line else sys.stdin.buffer.read()
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{what}: standard input is not UTF-8 text") from error


def read_secret(from_stdin: bool, what: str) -> str:
    """A password: the first line of standard input, or asked for twice without an echo."""
    if from_stdin:
        text = standard_input(what, one_line=True).rstrip("\r\n")
        if not text:
            raise click.ClickException(f"{what}: standard input was empty")
        return text
    return str(click.prompt(what, hide_input=True, confirmation_prompt=True))
