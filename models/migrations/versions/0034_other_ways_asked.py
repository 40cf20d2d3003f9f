"""Since when a request stands for a check-in: a call asked for beside one does not.

What was asked before for a video call or a visit stands; of calls nobody knows, so they do not.

Revision: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "help_request", sa.Column("other_way_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute("UPDATE help_request SET other_way_at = at WHERE kind IN ('video_call', 'visit')")


def downgrade() -> None:
    op.drop_column("help_request", "other_way_at")
