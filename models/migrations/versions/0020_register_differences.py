"""Other agencies' lists beside the register, and what was done about each difference.

Revision: 0020
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS = ("not_here", "not_there", "ended_here", "twice_there", "twice_here", "unreadable")


def upgrade() -> None:
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("agreed", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("reconciliation", "agency_id", "agency"),
        _to("reconciliation", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation")),
    )
    op.create_index("ix_reconciliation_agency_id", "reconciliation", ["agency_id"])
    for statement in append_only_ddl(op.get_bind().dialect.name, "reconciliation"):
        op.execute(statement)
    _differences()


def _differences() -> None:
    kinds = sa.Enum(
        *KINDS, name="differencekind", native_enum=False, create_constraint=True, length=32
    )
    op.create_table(
        "register_difference",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reconciliation_id", sa.Integer(), nullable=False),
        sa.Column("kind", kinds, nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("handled_by", sa.Integer(), nullable=True),
        sa.Column("handled_at", MOMENT, nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        _to("register_difference", "reconciliation_id", "reconciliation"),
        _to("register_difference", "case_id", "supervised_case"),
        _to("register_difference", "handled_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_difference")),
    )
    for column in ("reconciliation_id", "case_id"):
        op.create_index(f"ix_register_difference_{column}", "register_difference", [column])


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("register_difference")
    op.drop_table("reconciliation")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION reconciliation_refuse()")
