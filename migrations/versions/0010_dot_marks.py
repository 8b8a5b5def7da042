"""The dot marks of each worker in one row.

Revision: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "dot_mark",
        sa.Column(
            "worker_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("marks", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_dot_mark")),
    )


def downgrade() -> None:
    op.drop_table("dot_mark")
