"""The schema: migrations make what the models say, on both databases, and the queue's indexes are used."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from senddock import schema
from senddock.assets import asset_folder
from senddock.models import Base, Database, Project, Stream


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert schema.is_current(database)


def test_the_newest_migration_is_known_without_alembic() -> None:
    assert ScriptDirectory(str(asset_folder("migrations"))).get_current_head() == schema.head()


def test_upgrading_again_changes_nothing(database: Database) -> None:
    schema.upgrade(database)
    with database.read() as session:
        assert session.scalars(select(Project.name)).all() == ["default"]
        assert session.scalars(select(Stream.kind)).all() == ["transactional", "marketing"]


def test_claiming_uses_indexes(sqlite: Database) -> None:
    due = (
        "SELECT id FROM message WHERE stream_id = 1 AND due_at IS NOT NULL AND due_at <= '2026' ORDER BY due_at LIMIT 9"
    )
    plans = {
        due: "ix_message_due",
        "SELECT id FROM message WHERE worker_id IN (1, 2)": "ix_message_held",
        "SELECT message_id FROM delivery WHERE recipient = 'a@b.de'": "ix_delivery_recipient",
    }
    with sqlite.connect() as connection:
        for statement, index in plans.items():
            plan = " ".join(str(row[3]) for row in connection.execute(text("EXPLAIN QUERY PLAN " + statement)))
            assert index in plan, (statement, plan)
