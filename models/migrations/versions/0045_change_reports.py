"""What people tell of home, job, family or harm that draws near.

Revision: 0045
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS = ("home", "job", "family", "harm", "other")
WAYS = ("phone_page", "call", "paper", "in_person")


def upgrade() -> None:
    op.create_table(
        "change_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("changekind", KINDS), nullable=False),
        sa.Column("changed_on", sa.Date(), nullable=True),
        sa.Column("way", _words("reportway", WAYS), nullable=False),
        sa.Column("receipt", sa.String(length=16), nullable=False),
        sa.Column("told_at", MOMENT, nullable=False),
        sa.Column("taken_by", sa.Integer(), nullable=True),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("read_by", sa.Integer(), nullable=True),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(way = 'phone_page') = (taken_by IS NULL)",
            name=op.f("ck_change_report_somebody_took_it"),
        ),
        sa.CheckConstraint(
            "(read_at IS NULL) = (read_by IS NULL)",
            name=op.f("ck_change_report_somebody_read_it"),
        ),
        _to("case_id", "supervised_case"),
        _to("taken_by", "user_account"),
        _to("read_by", "user_account"),
        _to("contact_id", "contact"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_report")),
        sa.UniqueConstraint("receipt", name=op.f("uq_change_report_receipt")),
    )
    op.create_index("ix_change_report_case_id_told_at", "change_report", ["case_id", "told_at"])


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_change_report_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("change_report")
