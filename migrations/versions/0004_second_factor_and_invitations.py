"""Whom a one-time link is for, and the newest one-time password that was used.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("user_account", sa.Column("totp_step", sa.BigInteger(), nullable=True))
    op.add_column("one_time_token", sa.Column("email", sa.String(), nullable=True))
