"""Opinions of the procurator and the answers of the head.

Revision: 0025
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS = ("suggestion", "correction")


def upgrade() -> None:
    kinds = sa.Enum(
        *KINDS, name="opinionkind", native_enum=False, create_constraint=True, length=32
    )
    op.create_table(
        "opinion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("kind", kinds, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("opinion", "agency_id", "agency"),
        _to("opinion", "case_id", "supervised_case"),
        _to("opinion", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opinion")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_opinion_agency_id_number")),
    )
    op.create_index("ix_opinion_case_id", "opinion", ["case_id"])
    _answers()
    for table in ("opinion", "opinion_answer"):
        for statement in append_only_ddl(op.get_bind().dialect.name, table):
            op.execute(statement)


def _answers() -> None:
    op.create_table(
        "opinion_answer",
        sa.Column("opinion_id", sa.Integer(), nullable=False),
        sa.Column("taken_up", sa.Boolean(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("opinion_answer", "opinion_id", "opinion"),
        _to("opinion_answer", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("opinion_id", name=op.f("pk_opinion_answer")),
    )


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("opinion_answer")
    op.drop_table("opinion")
    if op.get_bind().dialect.name == "postgresql":
        for table in ("opinion_answer", "opinion"):
            op.execute(f"DROP FUNCTION {table}_refuse()")
