"""When a bracelet was back in an officer's hand; what came off before counts as collected.

Revision: 0046
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    collected = sa.Column("collected_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("binding", collected)
    op.execute("UPDATE binding SET collected_at = unbound_at WHERE unbound_at IS NOT NULL")


def downgrade() -> None:
    op.drop_column("binding", "collected_at")
