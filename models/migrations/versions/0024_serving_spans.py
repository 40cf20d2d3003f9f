"""When the pages answered, and two flags: a face to enrol anew, evidence beside check-ins.

Revision: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS_BEFORE = (
    "late_to_report",
    "checkin_missed",
    "checkin_unfinished",
    "device_silent",
    "order_ending",
    "term_ending",
    "deduction_moot",
    "slipping_away",
)
KINDS = (*KINDS_BEFORE, "enrol_anew", "checkin_evidence")


def upgrade() -> None:
    op.create_table(
        "serving_span",
        sa.Column("server", sa.String(length=80), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("server", "since", name=op.f("pk_serving_span")),
    )
    op.create_index("ix_serving_span_until", "serving_span", ["until"])
    _kinds(KINDS)


def downgrade() -> None:
    gone = ", ".join(f"'{kind}'" for kind in KINDS if kind not in KINDS_BEFORE)
    op.execute(f"DELETE FROM risk_flag WHERE kind IN ({gone})")  # noqa: S608 - names of ours
    _kinds(KINDS_BEFORE)
    op.drop_table("serving_span")


def _kinds(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("risk_flag") as table:
        table.drop_constraint(op.f("ck_risk_flag_flagkind"), type_="check")
        table.create_check_constraint(op.f("ck_risk_flag_flagkind"), f"kind IN ({listed})")
