"""Prohibition orders of courts and the reports on them.

Revision: 0044
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ORDER, REPORT = "prohibition_order", "prohibition_report"


def upgrade() -> None:
    op.create_table(
        ORDER,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("court", sa.String(length=200), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("forbids", sa.String(length=2000), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("report_days", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("lifted_on", sa.Date(), nullable=True),
        sa.Column("lifted_why", sa.String(length=400), nullable=True),
        sa.Column("lifted_by", sa.Integer(), nullable=True),
        _to(ORDER, "case_id", "supervised_case"),
        _to(ORDER, "made_by", "user_account"),
        _to(ORDER, "lifted_by", "user_account"),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f(f"ck_{ORDER}_runs_forward")),
        sa.CheckConstraint("report_days > 0", name=op.f(f"ck_{ORDER}_reported_on_some_day")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{ORDER}")),
    )
    op.create_index(f"ix_{ORDER}_case_id", ORDER, ["case_id"])
    op.create_table(
        REPORT,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("said", sa.String(length=2000), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to(REPORT, "order_id", ORDER),
        _to(REPORT, "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{REPORT}")),
    )
    op.create_index(f"ix_{REPORT}_order_id", REPORT, ["order_id"])


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table(REPORT)
    op.drop_table(ORDER)
