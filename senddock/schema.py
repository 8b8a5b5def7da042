"""Bringing the database to the current schema, with the rows every installation starts from."""

from datetime import UTC, datetime

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from senddock.assets import asset_folder
from senddock.dispatch.streams import new_project
from senddock.models import Database, Project


def upgrade(database: Database) -> None:
    """Apply missing migrations and make the first project and its two streams. Safe to call from several processes.

    Raises `StorageUnavailable` when the database cannot be written.
    """
    with database.transaction() as connection:
        if not database.is_sqlite:
            # Two processes that boot together must not both create the tables.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305800)")
        if _current(connection) != _head():
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        _seed(connection)


def is_current(database: Database) -> bool:
    """True when every migration has been applied."""
    with database.connect() as connection:
        return _current(connection) == _head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(asset_folder("migrations")))
    return config


def _head() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _seed(connection: Connection) -> None:
    if connection.execute(select(Project.id).limit(1)).first() is not None:
        return
    now = datetime.now(UTC)
    with Session(bind=connection) as session:
        new_project(session, "default", now)
        session.flush()
