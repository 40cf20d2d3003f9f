"""Searches for who cannot be reached, their steps and letters.

Revision: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.base import append_only_ddl

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DATA = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
STATES = ("draft", "open", "found", "dropped")
FINDINGS = ("back", "refusing", "custody", "dead")
STEPS = ("call", "visit", "family", "team", "work", "custody", "hospital", "other")
LETTERS = ("police", "procuratorate")
RUNNING = sa.text("state IN ('draft', 'open')")


def upgrade() -> None:
    op.create_table(
        "search_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("state", _words("searchstate", STATES), nullable=False),
        sa.Column("flag_id", sa.Integer(), nullable=True),
        sa.Column("reasons", DATA, nullable=False),
        sa.Column("drafted_at", MOMENT, nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("declared_by", sa.Integer(), nullable=True),
        sa.Column("declared_at", MOMENT, nullable=True),
        sa.Column("finding", _words("finding", FINDINGS), nullable=True),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.CheckConstraint(
            "state <> 'open' OR since IS NOT NULL",
            name=op.f("ck_search_record_declared_since_a_day"),
        ),
        _to("search_record", "case_id", "supervised_case"),
        _to("search_record", "flag_id", "risk_flag"),
        _to("search_record", "declared_by", "user_account"),
        _to("search_record", "ended_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_record")),
    )
    op.create_index("ix_search_record_case_id", "search_record", ["case_id"])
    op.create_index("ix_search_record_state", "search_record", ["state"])
    op.create_index(
        "uq_search_record_running",
        "search_record",
        ["case_id"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )
    _steps()
    _letters()


def _steps() -> None:
    op.create_table(
        "search_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("stepkind", STEPS), nullable=False),
        sa.Column("happened_at", MOMENT, nullable=False),
        sa.Column("outcome", sa.String(length=2000), nullable=False),
        sa.Column("evidence", sa.String(length=200), nullable=True),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("search_step", "record_id", "search_record"),
        _to("search_step", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_step")),
    )
    op.create_index("ix_search_step_record_id", "search_step", ["record_id"])
    for statement in append_only_ddl(op.get_bind().dialect.name, "search_step"):
        op.execute(statement)


def _letters() -> None:
    op.create_table(
        "search_letter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("letterkind", LETTERS), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("sent_by", sa.Integer(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("received", sa.String(length=400), nullable=True),
        sa.Column("received_at", MOMENT, nullable=True),
        _to("search_letter", "record_id", "search_record"),
        _to("search_letter", "sent_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_letter")),
        sa.UniqueConstraint("record_id", "kind", name=op.f("uq_search_letter_record_id_kind")),
    )


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("search_letter")
    op.drop_table("search_step")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION search_step_refuse()")
    op.drop_table("search_record")
