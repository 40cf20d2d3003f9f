"""Evidence of slipping away: a flag's band and points, an officer's word, a day's movement.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
BANDS = ("none", "amber", "red")
KINDS_BEFORE = (
    "late_to_report",
    "checkin_missed",
    "device_silent",
    "order_ending",
    "term_ending",
    "deduction_moot",
)
KINDS = (*KINDS_BEFORE, "slipping_away")
PLACES = ("night_lat", "night_lon", "far_lat", "far_lon")
DISTANCES = ("new_place_m", "other_night_m", "unusually_far_m")


def upgrade() -> None:
    with op.batch_alter_table("risk_flag") as table:
        table.add_column(sa.Column("band", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("points", sa.Double(), nullable=True))
        table.add_column(sa.Column("weights", sa.String(length=32), nullable=True))
        table.create_check_constraint(op.f("ck_risk_flag_band"), _among("band", BANDS))
    _kinds(KINDS)
    op.create_table(
        "risk_override",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("band", sa.String(length=32), nullable=True),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("by", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.CheckConstraint(_among("band", BANDS), name=op.f("ck_risk_override_band")),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_risk_override_has_reason")),
        _to("risk_override", "case_id", "supervised_case"),
        _to("risk_override", "by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_override")),
    )
    op.create_index("ix_risk_override_case_id", "risk_override", ["case_id"])
    for statement in append_only_ddl(op.get_bind().dialect.name, "risk_override"):
        op.execute(statement)
    op.create_table(
        "movement_day",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("fixes", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in PLACES),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in DISTANCES),
        _to("movement_day", "case_id", "supervised_case"),
        sa.PrimaryKeyConstraint("case_id", "day", name=op.f("pk_movement_day")),
    )
    op.create_index("ix_movement_day_day", "movement_day", ["day"])


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def _among(column: str, words: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{word}'" for word in words)
    return f"{column} IN ({listed})"


def _kinds(kinds: tuple[str, ...]) -> None:
    with op.batch_alter_table("risk_flag") as table:
        table.drop_constraint(op.f("ck_risk_flag_flagkind"), type_="check")
        table.create_check_constraint(op.f("ck_risk_flag_flagkind"), _among("kind", kinds))


def downgrade() -> None:
    op.drop_table("movement_day")
    op.drop_table("risk_override")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION risk_override_refuse()")
    op.execute("DELETE FROM risk_flag WHERE kind = 'slipping_away'")
    _kinds(KINDS_BEFORE)
    with op.batch_alter_table("risk_flag") as table:
        table.drop_constraint(op.f("ck_risk_flag_band"), type_="check")
        for column in ("band", "points", "weights"):
            table.drop_column(column)
