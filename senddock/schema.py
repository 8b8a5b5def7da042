"""Bringing the database to the current schema, with the rows every installation starts from."""

from datetime import UTC, datetime

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select

from senddock.assets import asset_folder
from senddock.models import Database, Project, Stream

#: Names and kinds of the streams a new installation has; patience and schedule are those of the user documentation.
_FIRST_STREAMS = {
    # First pause, longest pause, age at which it expires, patience with a rate limit: all in seconds.
    "transactional": ("retry_same", 15, 3600, 6 * 3600, 2),
    "marketing": ("hold", 300, 4 * 3600, 48 * 3600, 60),
}


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
    project_id = connection.execute(
        insert(Project).values(name="default", created_at=now).returning(Project.id)
    ).scalar_one()
    for name, (on_uncertain, first, longest, age, patience) in _FIRST_STREAMS.items():
        connection.execute(
            insert(Stream).values(
                project_id=project_id,
                name=name,
                kind=name,
                on_uncertain=on_uncertain,
                retry_first_seconds=first,
                retry_longest_seconds=longest,
                max_age_seconds=age,
                patience_seconds=patience,
                created_at=now,
            )
        )
