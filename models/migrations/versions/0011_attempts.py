"""An attempt has a receipt from the start and waits on the server; what liveness was told by.

Revision: 0011
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DATA = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INDEX = "ix_checkin_challenge_case_id_issued_at"
CASE = "fk_checkin_challenge_case_id_supervised_case"
RECEIPT = "uq_checkin_challenge_receipt"


def _of_an_attempt() -> list[sa.Column[Any]]:
    return [
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("receipt", sa.String(length=16), nullable=True),
        sa.Column("actions", DATA, nullable=False, server_default="[]"),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("claimed_at", MOMENT, nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("close_reason", sa.String(length=32), nullable=True),
    ]


def _of_a_check_in() -> list[sa.Column[Any]]:
    return [
        sa.Column("began_at", MOMENT, nullable=True),
        sa.Column("actions", DATA, nullable=False, server_default="[]"),
        sa.Column("cues", DATA, nullable=False, server_default="[]"),
        sa.Column("frames", DATA, nullable=False, server_default="[]"),
        sa.Column("fingerprints", sa.LargeBinary(), nullable=True),
        sa.Column("browser", sa.String(length=40), nullable=True),
        sa.Column("phone_mark", sa.String(length=16), nullable=True),
    ]


def upgrade() -> None:
    with op.batch_alter_table("checkin_challenge") as table:
        for column in _of_an_attempt():
            table.add_column(column)
        table.create_foreign_key(op.f(CASE), "supervised_case", ["case_id"], ["id"])
        table.create_unique_constraint(op.f(RECEIPT), ["receipt"])
    op.create_index(INDEX, "checkin_challenge", ["case_id", "issued_at"])
    for (
        column
    ) in _of_a_check_in():  # one by one: rebuilding the table would drop its triggers on SQLite
        op.add_column("checkin", column)
    op.create_table(
        "checkin_frame",
        sa.Column("challenge_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("action", sa.Integer(), nullable=True),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.Column("arrived_at", MOMENT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["challenge_id"],
            ["checkin_challenge.id"],
            name=op.f("fk_checkin_frame_challenge_id_checkin_challenge"),
        ),
        sa.PrimaryKeyConstraint("challenge_id", "place", name=op.f("pk_checkin_frame")),
    )


def downgrade() -> None:
    op.drop_table("checkin_frame")
    for column in reversed(_of_a_check_in()):
        op.drop_column("checkin", column.name)
    op.drop_index(INDEX, "checkin_challenge")
    with op.batch_alter_table("checkin_challenge") as table:
        table.drop_constraint(op.f(RECEIPT), type_="unique")
        table.drop_constraint(op.f(CASE), type_="foreignkey")
        for column in reversed(_of_an_attempt()):
            table.drop_column(column.name)
