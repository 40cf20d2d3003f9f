"""Education that was missed as a fact under a measure; our own outage as an excuse for it.

Revision: 0037
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

FACTS_BEFORE = ("duty", "checkin", "incident", "leave", "measure", "document")
EXCUSES_BEFORE = (
    "illness",
    "custody",
    "approved_leave",
    "unable_to_serve",
    "not_told",
    "suspended",
    "other_good_reason",
)


def upgrade() -> None:
    _allow("measure_fact", "kind", "factkind", (*FACTS_BEFORE, "attendance"))
    _allow("attendance", "excuse", "excuse", (*EXCUSES_BEFORE, "outage"))


def downgrade() -> None:
    op.execute("UPDATE attendance SET excuse = 'other_good_reason' WHERE excuse = 'outage'")
    op.execute(  # it stays under its measure, by name
        "UPDATE measure_fact SET kind = 'document', reference = 'attendance:' || reference "
        "WHERE kind = 'attendance'"
    )
    _allow("attendance", "excuse", "excuse", EXCUSES_BEFORE)
    _allow("measure_fact", "kind", "factkind", FACTS_BEFORE)


def _allow(table: str, column: str, check: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    name = op.f(f"ck_{table}_{check}")
    with op.batch_alter_table(table) as rebuilt:
        rebuilt.drop_constraint(name, type_="check")
        rebuilt.create_check_constraint(name, f"{column} IN ({listed})")
