"""Bringing the database to the current schema, with the rows every installation starts from."""

from datetime import UTC, datetime

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.orm import Session

from senddock.assets import asset_folder
from senddock.dispatch.streams import new_project
from senddock.models import Database, Project


class NewerSchema(RuntimeError):
    """The database has migrations that this version does not know. Nothing was changed."""


def upgrade(database: Database) -> None:
    """Apply missing migrations and make the first project and its two streams. Safe to call from several processes.

    Raises `StorageUnavailable` when the database cannot be written, and `NewerSchema`.
    """
    with database.transaction() as connection:
        if not database.is_sqlite:
            # Two processes that boot together must not both create the tables.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305800)")
        found, known = _current(connection), head()
        if found is not None and found > known:
            raise NewerSchema(
                f"a newer SendDock has worked on this database (schema {found}; this one knows {known}): install that one "
                "again, or restore a backup from before"
            )
        if found != known:
            _migrate(connection)
        _seed(connection)


def is_current(database: Database) -> bool:
    """True when every migration has been applied."""
    with database.connect() as connection:
        return _current(connection) == head()


def _migrate(connection: Connection) -> None:
    # Imported when there is something to migrate: every process looks at the schema, and Alembic takes 9 MB.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(asset_folder("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def head() -> str:
    """The newest migration; their files begin with their numbers."""
    return max(path.name.partition("_")[0] for path in (asset_folder("migrations") / "versions").glob("[0-9]*.py"))


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _seed(connection: Connection) -> None:
    if connection.execute(select(Project.id).limit(1)).first() is not None:
        return
    now = datetime.now(UTC)
    with Session(bind=connection) as session:
        new_project(session, "default", now)
        session.flush()
