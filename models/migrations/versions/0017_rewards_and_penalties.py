"""Rewards, penalties and proposals with their facts; what of the months is made public.

Revision: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.base import append_only_ddl

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DATA = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
KINDS = (
    "commendation",
    "admonition",
    "warning",
    "public_security",
    "revoke_suspension",
    "revoke_parole",
    "recommitment",
)
STATES = ("prepared", "decided", "refused", "granted", "denied")
FACTS = ("duty", "checkin", "incident", "leave", "measure", "document")


def upgrade() -> None:
    op.create_table(
        "measure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("measurekind", KINDS), nullable=False),
        sa.Column("limb", sa.String(length=32), nullable=False),
        sa.Column("law", sa.String(length=64), nullable=False),
        sa.Column("found", sa.String(length=4000), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("unchanged", sa.String(length=2000), nullable=True),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("prepared_by", sa.Integer(), nullable=False),
        sa.Column("prepared_at", MOMENT, nullable=False),
        sa.Column("statement", sa.String(length=4000), nullable=True),
        sa.Column("heard_at", MOMENT, nullable=True),
        sa.Column("heard_by", sa.Integer(), nullable=True),
        sa.Column("guardian", sa.String(length=400), nullable=True),
        sa.Column("state", _words("measurestate", STATES), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decision", sa.String(length=2000), nullable=True),
        sa.Column("outcome_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=400), nullable=True),
        sa.Column("served_at", MOMENT, nullable=True),
        sa.Column("served_by", sa.Integer(), nullable=True),
        sa.Column("served_how", sa.String(length=400), nullable=True),
        sa.Column("copied_at", MOMENT, nullable=True),
        sa.Column("copied_by", sa.Integer(), nullable=True),
        sa.Column("copy_number", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> prepared_by", name=op.f("ck_measure_two_people")
        ),
        _to("measure", "case_id", "supervised_case"),
        *(
            _to("measure", f"{verb}_by", "user_account")
            for verb in ("prepared", "heard", "decided", "served", "copied")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measure")),
    )
    op.create_index("ix_measure_case_id_kind", "measure", ["case_id", "kind"])
    op.create_index("ix_measure_state", "measure", ["state"])
    op.create_table(
        "measure_fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("measure_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("factkind", FACTS), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        _to("measure_fact", "measure_id", "measure"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measure_fact")),
        sa.UniqueConstraint(
            "measure_id",
            "kind",
            "reference",
            name=op.f("uq_measure_fact_measure_id_kind_reference"),
        ),
    )
    op.create_index("ix_measure_fact_kind_reference", "measure_fact", ["kind", "reference"])
    _publications()


def _publications() -> None:
    op.create_table(
        "points_publication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("office_id", sa.Integer(), nullable=True),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("lines", DATA, nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("points_publication", "agency_id", "agency"),
        _to("points_publication", "office_id", "office"),
        _to("points_publication", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_publication")),
    )
    op.create_index(
        "ix_points_publication_agency_id_month", "points_publication", ["agency_id", "month"]
    )
    for statement in append_only_ddl(op.get_bind().dialect.name, "points_publication"):
        op.execute(statement)


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("points_publication")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION points_publication_refuse()")
    op.drop_table("measure_fact")
    op.drop_table("measure")
