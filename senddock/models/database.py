"""The one way to the database: short write transactions that queue fairly, reads that never wait for them.

SQLite has one writer at a time. Its own waiting is a polling sleep that reaches 100 ms, which gave a p99 of 0.7 s with
several writing processes; here every writer first takes a lock the kernel hands over at once (flock beside the database
file), so a commit waits for the commits before it and for nothing else.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from senddock.models.prepared import Pen
from senddock.models.wal_sync import Doubt, Unsynced, WalSync, is_disk_fault, write_again
from senddock.models.write_gate import WriteGate

log = logging.getLogger(__name__)

_WRITE = {"senddock_write": True}
# PostgreSQL says these when the statement could not be carried out for want of room, memory or permission to write.
_PG_UNAVAILABLE = ("53", "57P", "58", "25006", "08")


class StorageUnavailable(RuntimeError):
    """The database cannot take a write just now (full disk, read-only, locked, gone). Nothing was stored."""


class Database:
    """Engine, read sessions and write transactions for one database URL."""

    def __init__(self, url: str, *, pool_size: int = 5, engine: Engine | None = None) -> None:
        """``engine`` lets a web framework keep the pool; it is prepared here all the same."""
        self.url = url
        self.engine = engine or create_engine(url, **engine_options(url, pool_size))
        self._gate: WriteGate | None = None
        self._pen_connection: PoolProxiedConnection | None = None
        #: Two engines may share this object; a connection carries one transaction at a time.
        self._pen_lock = threading.Lock()
        #: The log behind the pen's connection; None where the database needs no help to make commits last.
        self._pen_log: WalSync | None = None
        driver = self.engine.dialect.loaded_dbapi
        self._driver_error = driver.Error
        self._unavailable = (driver.OperationalError, driver.InterfaceError, DBAPIError)
        if self.engine.dialect.name == "sqlite":
            file = self.engine.url.database
            if file and file != ":memory:":
                self._gate = WriteGate(Path(file + ".lock"))
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def is_sqlite(self) -> bool:
        """True on SQLite, where one writer works at a time."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for reading; sees one consistent state. Raises `StorageUnavailable`."""
        with _readable(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading. Objects stay usable after it is closed. Raises `StorageUnavailable`."""
        with _readable(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A write transaction: committed at the end of the block, rolled back when the block raises.

        Raises `StorageUnavailable` when the database cannot take it; then nothing of it is stored.
        """
        with self.transaction() as connection, Session(bind=connection, expire_on_commit=False) as session:
            yield session
            session.flush()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Like `write`, with a bare connection for the statements of the engine."""
        try:
            with self._turn(), self.engine.connect() as connection:
                writing = connection.execution_options(**_WRITE)
                with writing.begin():
                    yield writing
        except (OperationalError, InterfaceError) as error:
            self._note_fault(error.orig)
            raise StorageUnavailable(_reason(error)) from error
        except DBAPIError as error:
            if _says_unavailable(error.orig):
                raise StorageUnavailable(_reason(error)) from error
            raise

    @contextmanager
    def pen(self, *, lasting: bool = True) -> Iterator[Pen]:
        """Like `transaction`, on a connection kept for one writing thread, without SQLAlchemy in between.

        Only for the engine's own writer; see `senddock.models.prepared`. A commit that is not ``lasting`` survives the
        death of the process, but is on disk only with the next one that is (docs/adr/0021). A ``lasting`` one waits for
        the disk after its turn, so that the next writer need not (docs/adr/0028); raises `Unsynced` when that fails.
        """
        with self._pen_lock:
            with self._written(lasting=lasting) as pen:
                yield pen
            if lasting and self._pen_log is not None and self._gate is not None:
                try:
                    self._pen_log.sync()
                except Unsynced:
                    self._gate.doubt.begin()
                    raise

    @contextmanager
    def _written(self, *, lasting: bool) -> Iterator[Pen]:
        """The transaction of `pen`."""
        try:
            with self._turn():
                connection = self._pen_connection or self._open_pen()
                try:
                    with self._pipelined(connection), closing(connection.cursor()) as cursor:
                        if self.is_sqlite:
                            cursor.execute("BEGIN IMMEDIATE")
                        elif not lasting:
                            cursor.execute("SET LOCAL synchronous_commit TO off")
                        yield Pen(self.engine.dialect, cursor)
                        if self.is_sqlite:
                            cursor.execute("COMMIT")
                        else:
                            connection.commit()
                except BaseException:
                    self._drop_pen()
                    raise
        except (self._driver_error, DBAPIError) as error:
            self._note_fault(error)
            if not (isinstance(error, self._unavailable) or _says_unavailable(error)):
                raise
            raise StorageUnavailable(_reason(error)) from error

    @contextmanager
    def _pipelined(self, connection: PoolProxiedConnection) -> Iterator[None]:
        """On PostgreSQL the statements of a transaction travel together; only what is fetched is waited for."""
        if self.is_sqlite:
            yield
            return
        try:
            with connection.driver_connection.pipeline():  # type: ignore[union-attr]
                yield
        except AssertionError as error:
            # psycopg trips over a connection that has ended inside a pipeline. What it met first says why.
            if isinstance(error.__context__, self._driver_error):
                raise error.__context__ from None
            raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The one writer's turn on SQLite."""
        if self._gate is None:
            yield
            return
        try:
            self._gate.acquire()
        except OSError as error:
            raise StorageUnavailable(f"the database's lock cannot be taken: {error}") from error
        try:
            if self._gate.doubt:
                self._end_doubt(self._gate.doubt)
            yield
        finally:
            self._gate.release()

    def _end_doubt(self, doubt: Doubt) -> None:
        """What is in the log goes to the disk once more, so that what is added to it can be trusted."""
        try:
            write_again(str(self.engine.url.database))
        except OSError as error:
            raise StorageUnavailable(f"the disk does not confirm what was written: {error}") from error
        doubt.end()
        log.warning("the disk had failed to confirm a write: the log has been written again, and confirmed")

    def _note_fault(self, error: BaseException | None) -> None:
        """A disk that failed once may have dropped what others had written to the log."""
        if self._gate is not None and is_disk_fault(error):
            self._gate.doubt.begin()

    def _open_pen(self) -> PoolProxiedConnection:
        """The pen's own connection. On SQLite its commits do not wait for the disk: `pen` does."""
        connection = self._pen_connection = self.engine.raw_connection()
        if self._gate is not None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous=NORMAL")
            # Reading makes SQLite open the log, and make it where there is none.
            cursor.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
            cursor.close()
            try:
                self._pen_log = WalSync(str(self.engine.url.database))
            except OSError as error:
                self._drop_pen()
                raise StorageUnavailable(f"the database's log cannot be opened: {error}") from error
        return connection

    def _drop_pen(self) -> None:
        """After a failure the connection is not trusted again; closing it rolls back."""
        connection, self._pen_connection = self._pen_connection, None
        log, self._pen_log = self._pen_log, None
        if log is not None:
            log.close()
        if connection is not None:
            connection.invalidate()

    def close(self) -> None:
        """Close every pooled connection."""
        self._drop_pen()
        self.engine.dispose()
        if self._gate is not None:
            self._gate.close()


def engine_options(url: str, pool_size: int = 5) -> dict[str, Any]:
    """Options for ``create_engine`` that fit the database named by ``url``."""
    if make_url(url).get_backend_name() == "sqlite":
        # 30 s of SQLite's own waiting remain for writers from outside, such as a person with a shell.
        return {
            "connect_args": {"timeout": 30, "check_same_thread": False},
            "pool_size": pool_size,
            "max_overflow": 20,
        }
    return {"pool_pre_ping": True, "pool_size": pool_size, "max_overflow": 20}


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    # The driver must not open transactions by itself: _begin_sqlite decides between reading and writing.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: a commit that was answered survives the loss of power, not only of the process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA temp_store=MEMORY")
    # The log is put into the database file every 16 MB: the pages that each commit touches are then written there once
    # for hundreds of commits, and writers wait for that less often than with the usual 4 MB.
    cursor.execute("PRAGMA wal_autocheckpoint=4000")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("senddock_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StorageUnavailable(_reason(error, "be read")) from error


def _says_unavailable(error: BaseException | None) -> bool:
    return str(getattr(error, "sqlstate", "") or "").startswith(_PG_UNAVAILABLE)


def _reason(error: BaseException, what: str = "take a write") -> str:
    said = error.orig if isinstance(error, DBAPIError) else error
    return f"the database cannot {what} just now: {str(said).strip() or type(said).__name__}"
