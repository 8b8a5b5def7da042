"""What waits for one provider by a person's word, for the page that asks before the provider is deleted.

Revision: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_PINNED = sa.text("pinned_provider_id IS NOT NULL AND due_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_message_pinned", "message", ["pinned_provider_id"], sqlite_where=_PINNED, postgresql_where=_PINNED
    )


def downgrade() -> None:
    op.drop_index("ix_message_pinned", "message")
