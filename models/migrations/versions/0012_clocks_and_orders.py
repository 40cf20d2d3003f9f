"""Clocks of the law that somebody started; what an order to position rests on and what it owes.

Revision: 0012
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
EVIDENCE = ("incident", "leave", "warning", "penalty", "proposal", "document")
PAPERS = ("person_told", "procuratorate_copy")


def upgrade() -> None:
    _clocks()
    op.execute(
        "ALTER TABLE positioning_order ADD COLUMN extends_id INTEGER CONSTRAINT "
        "fk_positioning_order_extends_id_positioning_order REFERENCES positioning_order (id)"
    )
    _evidence()
    _papers()
    _assessments()
    for table in ("order_evidence", "order_assessment"):
        for statement in append_only_ddl(op.get_bind().dialect.name, table):
            op.execute(statement)


def _clocks() -> None:
    op.create_table(
        "legal_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("basis", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=400), nullable=False),
        sa.Column("started_by", sa.Integer(), nullable=True),
        sa.Column("stopped_at", MOMENT, nullable=True),
        sa.Column("stopped_by", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=400), nullable=True),
        sa.CheckConstraint(
            "stopped_at IS NULL OR outcome IS NOT NULL",
            name=op.f("ck_legal_clock_stopped_with_outcome"),
        ),
        _to("legal_clock", "case_id", "supervised_case"),
        _to("legal_clock", "started_by", "user_account"),
        _to("legal_clock", "stopped_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_clock")),
    )
    op.create_index("ix_legal_clock_case_id_rule", "legal_clock", ["case_id", "rule"])


def _evidence() -> None:
    op.create_table(
        "order_evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("evidencekind", EVIDENCE), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("document", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "subject_id IS NOT NULL OR document IS NOT NULL",
            name=op.f("ck_order_evidence_points_at_a_fact"),
        ),
        _to("order_evidence", "order_id", "positioning_order"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_evidence")),
    )
    op.create_index("ix_order_evidence_order_id", "order_evidence", ["order_id"])


def _papers() -> None:
    op.create_table(
        "order_paper",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("paper", PAPERS), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("sent_by", sa.Integer(), nullable=True),
        sa.Column("received_at", MOMENT, nullable=True),
        sa.Column("received_note", sa.String(length=400), nullable=True),
        sa.CheckConstraint(
            "received_at IS NULL OR sent_at IS NOT NULL",
            name=op.f("ck_order_paper_sent_before_received"),
        ),
        _to("order_paper", "order_id", "positioning_order"),
        _to("order_paper", "sent_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_paper")),
        sa.UniqueConstraint("order_id", "kind", name=op.f("uq_order_paper_order_id_kind")),
    )


def _assessments() -> None:
    op.create_table(
        "order_assessment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("needed", sa.Boolean(), nullable=False),
        sa.Column("found", sa.String(length=2000), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("order_assessment", "order_id", "positioning_order"),
        _to("order_assessment", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_assessment")),
    )
    op.create_index("ix_order_assessment_order_id", "order_assessment", ["order_id"])


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    for name in ("order_assessment", "order_paper", "order_evidence", "legal_clock"):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        for name in ("order_assessment", "order_evidence"):
            op.execute(f"DROP FUNCTION {name}_refuse()")
    op.drop_column("positioning_order", "extends_id")  # and its constraint with it
