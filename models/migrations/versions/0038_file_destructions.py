"""Destructions of files whose term is over, by two people and a list.

Revision: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = ("waiting", "agreed", "declined", "taken_back")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    states = sa.Enum(
        *STATES, name="destructionstate", native_enum=False, create_constraint=True, length=32
    )
    op.create_table(
        "file_destruction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("list_number", sa.String(length=64), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decision", sa.String(length=400), nullable=True),
        sa.Column("alone_because", sa.String(length=400), nullable=True),
        _to("case_id", "supervised_case"),
        _to("proposed_by", "user_account"),
        _to("decided_by", "user_account"),
        sa.CheckConstraint(
            "state <> 'agreed' OR decided_by <> proposed_by OR alone_because IS NOT NULL",
            name=op.f("ck_file_destruction_second_person"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_destruction")),
    )
    op.create_index("ix_file_destruction_case_id", "file_destruction", ["case_id"])
    op.create_index(
        "uq_file_destruction_waiting",
        "file_destruction",
        ["case_id"],
        unique=True,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_file_destruction_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("file_destruction")
