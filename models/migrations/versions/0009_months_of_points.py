"""Closed months of points, suggested levels, objections; rulebooks of an agency's own.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.base import append_only_ddl

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DATA = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
WHOSE = (("agency_id", "agency"), ("made_by", "user_account"))
LEVELS = ("strict", "ordinary", "lenient")


def upgrade() -> None:
    for column, of in WHOSE:
        op.execute(
            f"ALTER TABLE rulebook ADD COLUMN {column} INTEGER"
            f" CONSTRAINT fk_rulebook_{column}_{of} REFERENCES {of} (id)"
        )
    op.add_column("rulebook", sa.Column("made_at", MOMENT, nullable=True))
    _months()
    _suggestions()
    _objections()


def _months() -> None:
    op.create_table(
        "points_month",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("rulebook_id", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("as_of", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=False),
        sa.CheckConstraint("edition >= 1", name=op.f("ck_points_month_editions_count_from_one")),
        _to("points_month", "case_id", "supervised_case"),
        _to("points_month", "rulebook_id", "rulebook"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_month")),
        sa.UniqueConstraint(
            "case_id", "month", "edition", name=op.f("uq_points_month_case_id_month_edition")
        ),
    )
    for statement in append_only_ddl(op.get_bind().dialect.name, "points_month"):
        op.execute(statement)


def _suggestions() -> None:
    states = ("open", "taken", "refused", "passed")
    op.create_table(
        "level_suggestion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("quarter", sa.Date(), nullable=False),
        sa.Column("rulebook_id", sa.Integer(), nullable=False),
        sa.Column("level", _words("level", LEVELS), nullable=False),
        sa.Column("grounds", DATA, nullable=False),
        sa.Column("state", _words("suggestionstate", states), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        _to("level_suggestion", "case_id", "supervised_case"),
        _to("level_suggestion", "rulebook_id", "rulebook"),
        _to("level_suggestion", "decided_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_level_suggestion")),
        sa.UniqueConstraint("case_id", "quarter", name=op.f("uq_level_suggestion_case_id_quarter")),
    )
    op.create_index("ix_level_suggestion_state", "level_suggestion", ["state"])


def _objections() -> None:
    states = ("open", "upheld", "dismissed")
    op.create_table(
        "points_objection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("taken_by", sa.Integer(), nullable=True),
        sa.Column("timely", sa.Boolean(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", _words("objectionstate", states), nullable=False),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("answer", sa.String(length=2000), nullable=True),
        sa.Column("carried_on_at", MOMENT, nullable=True),
        _to("points_objection", "entry_id", "points_entry"),
        _to("points_objection", "case_id", "supervised_case"),
        _to("points_objection", "taken_by", "user_account"),
        _to("points_objection", "answered_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_objection")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_points_objection_entry_id")),
    )
    op.create_index("ix_points_objection_case_id", "points_objection", ["case_id"])
    op.create_index("ix_points_objection_state_due_on", "points_objection", ["state", "due_on"])


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("points_objection")
    op.drop_table("level_suggestion")
    op.drop_table("points_month")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION points_month_refuse()")
    _plain_rulebooks()


def _plain_rulebooks() -> None:
    """SQLite rebuilds the table, and its triggers go with the old one."""
    with op.batch_alter_table("rulebook") as table:
        for column in ("agency_id", "made_by", "made_at"):
            table.drop_column(column)
    if op.get_bind().dialect.name == "sqlite":
        for statement in append_only_ddl("sqlite", "rulebook"):
            op.execute(statement)
