"""Lists for rooms without a network.

Revision: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "offline_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("loaded_by", sa.Integer(), nullable=True),
        sa.Column("loaded_at", MOMENT, nullable=True),
        _to("activity_id", "activity"),
        _to("made_by", "user_account"),
        _to("loaded_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offline_list")),
    )
    op.create_index("ix_offline_list_activity_id", "offline_list", ["activity_id"])


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_offline_list_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("offline_list")
