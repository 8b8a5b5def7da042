"""Indexes for what is asked of a long log, and statistics in one tree a table.

Revision: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_PARTIAL = (
    ("ix_message_class", ["last_class", "id"], "last_class <> 'accepted'"),
    ("ix_message_soft_bounce", ["id"], "last_class IN ('recipient_transient','greylisted')"),
    ("ix_message_delayed", ["id"], "(state = 'deferred' OR rounds > 1)"),
    ("ix_message_fallback", ["id"], "failed_over"),
    ("ix_message_provider", ["provider_id", "id"], "provider_id IS NOT NULL"),
)


def upgrade() -> None:
    op.drop_index("ix_message_provider", "message")
    # The ids are in the order of time, and no page asks by this column.
    op.drop_index("ix_message_created", "message")
    for name, columns, condition in _PARTIAL:
        where = sa.text(condition)
        op.create_index(name, "message", columns, sqlite_where=where, postgresql_where=where)
    op.create_index(op.f("ix_message_header_message_id"), "message", ["header_message_id"])


def downgrade() -> None:
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
