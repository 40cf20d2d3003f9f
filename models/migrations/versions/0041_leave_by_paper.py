"""Requests for leave that an officer enters, and those for which no leave is needed.

Revision: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

WAYS = ("page", "paper", "in_person", "call")
STATES_BEFORE = ("asked", "approved", "refused", "withdrawn")
ASKED_HOW = op.f("ck_leave_request_askedhow")
ENTERED = op.f("ck_leave_request_entered_by_somebody")


def upgrade() -> None:
    with op.batch_alter_table("leave_request") as rebuilt:
        rebuilt.add_column(
            sa.Column("asked_how", sa.String(length=32), nullable=False, server_default="page")
        )
        rebuilt.add_column(sa.Column("entered_by", sa.Integer(), nullable=True))
        rebuilt.add_column(
            sa.Column("at_home", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        rebuilt.create_foreign_key(
            op.f("fk_leave_request_entered_by_user_account"),
            "user_account",
            ["entered_by"],
            ["id"],
        )
        rebuilt.create_check_constraint(ASKED_HOW, f"asked_how IN ({_listed(WAYS)})")
        rebuilt.create_check_constraint(ENTERED, "(asked_how = 'page') = (entered_by IS NULL)")
    _allow((*STATES_BEFORE, "not_needed"))
    op.add_column("printed_form", sa.Column("about", sa.String(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column("printed_form", "about")
    op.execute("UPDATE leave_request SET state = 'withdrawn' WHERE state = 'not_needed'")
    _allow(STATES_BEFORE)
    with op.batch_alter_table("leave_request") as rebuilt:
        rebuilt.drop_constraint(ENTERED, type_="check")
        rebuilt.drop_constraint(ASKED_HOW, type_="check")
        rebuilt.drop_constraint(
            op.f("fk_leave_request_entered_by_user_account"), type_="foreignkey"
        )
        rebuilt.drop_column("at_home")
        rebuilt.drop_column("entered_by")
        rebuilt.drop_column("asked_how")


def _allow(states: tuple[str, ...]) -> None:
    name = op.f("ck_leave_request_requeststate")
    with op.batch_alter_table("leave_request") as rebuilt:
        rebuilt.drop_constraint(name, type_="check")
        rebuilt.create_check_constraint(name, f"state IN ({_listed(states)})")


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)
