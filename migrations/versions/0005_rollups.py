"""Count every attempt once an hour; count recipient domains by day.

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_REFUSED = sa.text("verdict_class <> 'accepted'")


def upgrade() -> None:
    op.rename_table("rollup_hour", "rollup_hour_old")
    # A constraint keeps its name when its table is renamed on PostgreSQL, where names are unique in a schema.
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE rollup_hour_old RENAME CONSTRAINT pk_rollup_hour TO pk_rollup_hour_old")
    op.create_table(
        "rollup_hour",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("verdict_class", sa.String(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_over", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "stream_id", "provider_id", "verdict_class", name=op.f("pk_rollup_hour")),
    )
    op.create_table(
        "rollup_domain",
        sa.Column("day", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("verdict_class", sa.String(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "stream_id", "provider_id", "domain", "verdict_class", name=op.f("pk_rollup_domain")
        ),
    )
    op.execute(
        "INSERT INTO rollup_hour SELECT hour, stream_id, provider_id, verdict_class, sum(recipients), sum(attempts),"
        " sum(failed_over), sum(duration_ms) FROM rollup_hour_old GROUP BY hour, stream_id, provider_id, verdict_class"
    )
    # Stored times are UTC text on SQLite and instants on PostgreSQL.
    day = "substr(hour, 1, 10) || ' 00:00:00.000000'"
    if op.get_bind().dialect.name == "postgresql":
        day = "date_trunc('day', hour, 'UTC')"
    op.execute(
        f"INSERT INTO rollup_domain SELECT {day}, stream_id, provider_id, domain, verdict_class, sum(recipients)"  # noqa: S608
        " FROM rollup_hour_old GROUP BY 1, stream_id, provider_id, domain, verdict_class"
    )
    op.drop_table("rollup_hour_old")
    op.create_index(
        "ix_attempt_refused",
        "attempt",
        ["provider_id", "started_at"],
        sqlite_where=_REFUSED,
        postgresql_where=_REFUSED,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
