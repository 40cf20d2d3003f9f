"""Moves to an agency that does not work with this service: its name and letters, and their end.

Revision: 0036
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from models.standing import standing_ddl

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

STATES_BEFORE = (
    "awaiting_report",
    "under_correction",
    "on_leave",
    "lost_contact",
    "absconded",
    "detained",
    "transferring",
    "released",
    "terminated",
)
STATES = (*STATES_BEFORE, "transferred")
ONE_PLACE = "ck_transfer_to_one_place"


def upgrade() -> None:
    with op.batch_alter_table("transfer") as table:
        table.alter_column("to_agency_id", existing_type=sa.Integer(), nullable=True)
        for column in _of_letters():
            table.add_column(column)
        table.create_check_constraint(
            op.f(ONE_PLACE), "(to_agency_id IS NULL) <> (to_name IS NULL)"
        )
    _states(STATES)


def _of_letters() -> Iterator[sa.Column[Any]]:
    lengths = {"to_name": 120, "to_county": 120, "to_address": 200}
    lengths |= dict.fromkeys(("reply_number", "receipt_number"), 64)
    for name, length in lengths.items():
        yield sa.Column(name, sa.String(length=length), nullable=True)
    for name in ("reply_on", "sent_on"):
        yield sa.Column(name, sa.Date(), nullable=True)


def _states(states: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    with op.batch_alter_table("supervised_case") as table:
        table.drop_constraint(op.f("ck_supervised_case_casestate"), type_="check")
        table.create_check_constraint(op.f("ck_supervised_case_casestate"), f"state IN ({listed})")
    _notes_again()


def _notes_again() -> None:
    """SQLite has rebuilt the table of cases, and its triggers went with the old one."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for statement in standing_ddl("sqlite"):
        if "ON supervised_case BEGIN" in statement:
            op.execute(statement)


def downgrade() -> None:
    for count in (
        "SELECT count(*) FROM transfer WHERE to_agency_id IS NULL",
        "SELECT count(*) FROM supervised_case WHERE state = 'transferred'",
    ):
        if op.get_bind().execute(sa.text(count)).scalar():
            msg = "0035 knows no agency outside the service: restore a backup of before"
            raise RuntimeError(msg)
    _states(STATES_BEFORE)
    with op.batch_alter_table("transfer") as table:
        table.drop_constraint(op.f(ONE_PLACE), type_="check")
        for column in _of_letters():
            table.drop_column(column.name)
        table.alter_column("to_agency_id", existing_type=sa.Integer(), nullable=False)
