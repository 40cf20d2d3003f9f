"""Education and public-benefit activity, and who was there.

Revision: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS = ("education", "public_benefit")
STATES = ("planned", "closed", "cancelled")
CAME = ("invited", "attended", "excused", "missed")
WAYS = ("officer", "face", "offline")
EXCUSES = (
    "illness",
    "custody",
    "approved_leave",
    "unable_to_serve",
    "not_told",
    "suspended",
    "other_good_reason",
)
SPOTS = ("inside", "outside", "unknown", "not_asked")


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("activitykind", KINDS), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("office_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("course", sa.String(length=200), nullable=True),
        sa.Column("tasks", sa.String(length=2000), nullable=True),
        sa.Column("minors", sa.Boolean(), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("radius_m", sa.Double(), nullable=True),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("state", _words("activitystate", STATES), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_activity_runs_forward")),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_activity_has_room")),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_activity_counts_time")),
        _to("activity", "agency_id", "agency"),
        _to("activity", "office_id", "office"),
        _to("activity", "made_by", "user_account"),
        _to("activity", "closed_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index("ix_activity_agency_id_starts_at", "activity", ["agency_id", "starts_at"])
    _attendance()


def _attendance() -> None:
    op.create_table(
        "attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("state", _words("attendancestate", CAME), nullable=False),
        sa.Column("invited_by", sa.Integer(), nullable=False),
        sa.Column("invited_at", MOMENT, nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=True),
        sa.Column("began_at", MOMENT, nullable=True),
        sa.Column("began_checkin_id", sa.Integer(), nullable=True),
        sa.Column("began_spot", _words("spot", SPOTS), nullable=True),
        sa.Column("began_away_m", sa.Integer(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_checkin_id", sa.Integer(), nullable=True),
        sa.Column("ended_spot", _words("ended_spot", SPOTS), nullable=True),
        sa.Column("ended_away_m", sa.Integer(), nullable=True),
        sa.Column("way", _words("attendanceway", WAYS), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("excuse", _words("excuse", EXCUSES), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state <> 'attended' OR minutes IS NOT NULL",
            name=op.f("ck_attendance_attended_has_minutes"),
        ),
        sa.CheckConstraint(
            "state <> 'excused' OR excuse IS NOT NULL",
            name=op.f("ck_attendance_excused_has_excuse"),
        ),
        _to("attendance", "activity_id", "activity"),
        _to("attendance", "case_id", "supervised_case"),
        _to("attendance", "invited_by", "user_account"),
        _to("attendance", "notice_id", "notice"),
        _to("attendance", "began_checkin_id", "checkin"),
        _to("attendance", "ended_checkin_id", "checkin"),
        _to("attendance", "decided_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint(
            "activity_id", "case_id", name=op.f("uq_attendance_activity_id_case_id")
        ),
    )
    op.create_index("ix_attendance_case_id_state", "attendance", ["case_id", "state"])


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("attendance")
    op.drop_table("activity")
