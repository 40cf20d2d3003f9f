"""A list that was taken to a room without a network and will not come back: when, by whom, why.

Revision: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

BY = "fk_offline_list_lost_by_user_account"


def upgrade() -> None:
    with op.batch_alter_table("offline_list") as table:
        table.add_column(sa.Column("lost_by", sa.Integer(), nullable=True))
        table.add_column(sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("lost_why", sa.String(length=400), nullable=True))
        table.create_foreign_key(op.f(BY), "user_account", ["lost_by"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("offline_list") as table:
        table.drop_constraint(op.f(BY), type_="foreignkey")
        for column in ("lost_by", "lost_at", "lost_why"):
            table.drop_column(column)
