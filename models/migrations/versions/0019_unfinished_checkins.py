"""A flag for a check-in that was begun and never finished.

Revision: 0019
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KINDS_BEFORE = (
    "late_to_report",
    "checkin_missed",
    "device_silent",
    "order_ending",
    "term_ending",
    "deduction_moot",
    "slipping_away",
)
KINDS = (*KINDS_BEFORE, "checkin_unfinished")


def upgrade() -> None:
    _kinds(KINDS)


def downgrade() -> None:
    op.execute("DELETE FROM risk_flag WHERE kind = 'checkin_unfinished'")
    _kinds(KINDS_BEFORE)


def _kinds(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("risk_flag") as table:
        table.drop_constraint(op.f("ck_risk_flag_flagkind"), type_="check")
        table.create_check_constraint(op.f("ck_risk_flag_flagkind"), f"kind IN ({listed})")
