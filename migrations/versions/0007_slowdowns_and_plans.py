"""Providers whose pace is halved, and why a waiting message waits.

Revision: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "slowdown",
        sa.Column("provider_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pace", sa.Double(), nullable=False),
        sa.Column("full_pace", sa.Double(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_slowdown_provider_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_slowdown")),
    )
    op.add_column("message", sa.Column("plan", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "plan")
    op.drop_table("slowdown")
