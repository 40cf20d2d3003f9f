"""Service sessions of bracelets; incidents of fixes that contradict each other.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS_BEFORE = (
    "left_home_area",
    "entered_exclusion",
    "out_in_curfew",
    "strap_opened",
    "case_opened",
    "separated",
    "jammed",
    "device_silent",
    "power_off",
    "sos",
)
KINDS = (*KINDS_BEFORE, "impossible_speed", "implausible_accuracy")
SERVICES = ("fit", "battery_swap", "replace", "remove")


def upgrade() -> None:
    _kinds_of_incidents(KINDS)
    op.create_table(
        "service_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("servicekind", SERVICES), nullable=False),
        sa.Column("opened_by", sa.Integer(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("closes_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.CheckConstraint("closes_at > opened_at", name=op.f("ck_service_session_runs_forward")),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["supervised_case.id"],
            name=op.f("fk_service_session_case_id_supervised_case"),
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_service_session_device_id_device")
        ),
        sa.ForeignKeyConstraint(
            ["opened_by"],
            ["user_account.id"],
            name=op.f("fk_service_session_opened_by_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_session")),
    )
    op.create_index(
        "ix_service_session_case_id_opened_at", "service_session", ["case_id", "opened_at"]
    )
    op.create_index(
        "uq_service_session_case_id_now",
        "service_session",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _kinds_of_incidents(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("incident") as table:
        table.drop_constraint(op.f("ck_incident_incidentkind"), type_="check")
        table.create_check_constraint(op.f("ck_incident_incidentkind"), f"kind IN ({listed})")


def downgrade() -> None:
    op.drop_table("service_session")
    contradictions = "('impossible_speed', 'implausible_accuracy')"
    count = sa.text(f"SELECT count(*) FROM incident WHERE kind IN {contradictions}")  # noqa: S608 - constants
    if op.get_bind().execute(count).scalar():
        msg = "0003 does not know incidents of contradicting fixes: restore a backup of before"
        raise RuntimeError(msg)
    _kinds_of_incidents(KINDS_BEFORE)
