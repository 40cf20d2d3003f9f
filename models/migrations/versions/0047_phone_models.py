"""The phone's model of a check-in, where its browser names one.

Revision: 0047
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkin", sa.Column("phone_model", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("checkin", "phone_model")
