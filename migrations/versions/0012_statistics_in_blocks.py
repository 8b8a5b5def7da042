"""Statistics of hours that are over, summed up in blocks; when a provider last succeeded; alerts that are over.

Revision: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_SUCCESS = sa.text("verdict_class = 'accepted'")


def upgrade() -> None:
    moment, number = sa.DateTime(timezone=True), sa.Integer()
    op.create_table(
        "rollup_block",
        sa.Column("hours", number, nullable=False),
        sa.Column("start", moment, nullable=False),
        sa.Column("stream_id", number, nullable=False),
        sa.Column("provider_id", number, nullable=False),
        sa.Column("verdict_class", sa.String(), nullable=False),
        sa.Column("recipients", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("failed_over", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hours", "start", "stream_id", "provider_id", "verdict_class", name=op.f("pk_rollup_block")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup_block_latency",
        sa.Column("hours", number, nullable=False),
        sa.Column("start", moment, nullable=False),
        sa.Column("stream_id", number, nullable=False),
        sa.Column("provider_id", number, nullable=False),
        sa.Column("bucket", number, nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hours", "start", "stream_id", "provider_id", "bucket", name=op.f("pk_rollup_block_latency")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup_block_domain",
        sa.Column("stream_id", number, nullable=False),
        sa.Column("provider_id", number, nullable=False),
        sa.Column("day", moment, nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("verdict_class", sa.String(), nullable=False),
        sa.Column("recipients", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "stream_id", "provider_id", "day", "domain", "verdict_class", name=op.f("pk_rollup_block_domain")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup_sealed",
        sa.Column("hours", number, nullable=False),
        sa.Column("start", moment, nullable=False),
        sa.Column("seal", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("hours", "start", name=op.f("pk_rollup_sealed")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_rollup_hour_success",
        "rollup_hour",
        ["provider_id", "hour"],
        sqlite_where=_SUCCESS,
        postgresql_where=_SUCCESS,
    )
    op.create_index(op.f("ix_alert_closed_at"), "alert", ["closed_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_alert_closed_at"), "alert")
    op.drop_index("ix_rollup_hour_success", "rollup_hour")
    for table in ("rollup_sealed", "rollup_block_domain", "rollup_block_latency", "rollup_block"):
        op.drop_table(table)
