"""Alerts keep their words and what stands in them, to be told in the reader's language.

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("alert", sa.Column("words", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("alert", "words")
