"""Every change of a supervision level, by whom, since when and why.

Revision: 0043
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
TABLE = "level_change"
LEVELS = ("strict", "ordinary", "lenient")
BASES = ("intake", "conduct", "suggestion", "other")


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("before", _words("level_before", LEVELS), nullable=False),
        sa.Column("level", _words("level", LEVELS), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("basis", _words("levelbasis", BASES), nullable=False),
        sa.Column("suggestion_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("case_id", "supervised_case"),
        _to("suggestion_id", "level_suggestion"),
        _to("made_by", "user_account"),
        sa.CheckConstraint("level <> before", name=op.f("ck_level_change_is_a_change")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_level_change")),
    )
    op.create_index("ix_level_change_case_id_since", TABLE, ["case_id", "since"])
    for statement in append_only_ddl(op.get_bind().dialect.name, TABLE):
        op.execute(statement)


def _words(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_level_change_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table(TABLE)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {TABLE}_refuse()")
