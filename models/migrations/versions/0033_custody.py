"""Since when somebody is in custody.

Revision: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    since = sa.Column("detained_since", sa.DateTime(timezone=True), nullable=True)
    op.add_column("supervised_case", since)


def downgrade() -> None:
    op.drop_column("supervised_case", "detained_since")
