"""Corrections of sentences, by a paper and two people.

Revision: 0032
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = ("waiting", "agreed", "refused")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    states = sa.Enum(
        *STATES, name="correctionstate", native_enum=False, create_constraint=True, length=32
    )
    values = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "sentence_correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("before", values, nullable=False),
        sa.Column("after", values, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decision", sa.String(length=400), nullable=True),
        _to("case_id", "supervised_case"),
        _to("proposed_by", "user_account"),
        _to("decided_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sentence_correction")),
    )
    op.create_index("ix_sentence_correction_case_id", "sentence_correction", ["case_id"])
    op.create_index(
        "uq_sentence_correction_waiting",
        "sentence_correction",
        ["case_id"],
        unique=True,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_sentence_correction_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("sentence_correction")
