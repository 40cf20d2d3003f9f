"""What is done once in the life of a case, and the versions of its correction plan.

Revision: 0023
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STEPS = (
    "papers",
    "identity",
    "filed",
    "announced",
    "exit_ban_reported",
    "summary",
    "certificate",
    "release_announced",
    "authority_told",
    "procuratorate_told",
    "police_told",
    "handed_over",
    "exit_ban_lifted",
)


def upgrade() -> None:
    steps = sa.Enum(*STEPS, name="step", native_enum=False, create_constraint=True, length=32)
    op.create_table(
        "milestone",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("step", steps, nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("party", sa.String(length=200), nullable=True),
        sa.Column("guardian", sa.String(length=200), nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("milestone", "case_id", "supervised_case"),
        _to("milestone", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone")),
    )
    op.create_index("ix_milestone_case_id_step", "milestone", ["case_id", "step"])
    op.create_table(
        "correction_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("correction_plan", "case_id", "supervised_case"),
        _to("correction_plan", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction_plan")),
        sa.UniqueConstraint("case_id", "version", name=op.f("uq_correction_plan_case_id_version")),
    )
    for table in ("milestone", "correction_plan"):
        for statement in append_only_ddl(op.get_bind().dialect.name, table):
            op.execute(statement)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    for table in ("correction_plan", "milestone"):
        op.drop_table(table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION {table}_refuse()")
