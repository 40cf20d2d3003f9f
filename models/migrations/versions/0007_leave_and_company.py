"""Leave and the zones that rest for it; who is to keep apart, and where meeting is no contact.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.standing import standing_ddl

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DATA = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
REASONS = ("medical", "study", "litigation", "family", "work")
STATES = ("approved", "returned", "cancelled")
ZONES_BEFORE = ("home", "curfew", "exclusion", "place")
ZONES = (*ZONES_BEFORE, "destination")
INCIDENTS_BEFORE = (
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
    "impossible_speed",
    "implausible_accuracy",
    "away_from_place",
)
INCIDENTS_NEW = ("leave_overdue", "away_from_destination", "contact", "gathering")
INCIDENTS = (*INCIDENTS_BEFORE, *INCIDENTS_NEW)


def upgrade() -> None:
    _leave()
    _bans()
    _meeting_places()
    with op.batch_alter_table("zone") as table:
        for column, of in (("leave_id", "leave"), ("follows_id", "zone")):
            table.add_column(sa.Column(column, sa.Integer(), nullable=True))
            table.create_foreign_key(op.f(f"fk_zone_{column}_{of}"), of, [column], ["id"])
    op.create_index("ix_zone_leave_id", "zone", ["leave_id"])
    _kinds("zone", "zonekind", ZONES)
    _kinds("incident", "incidentkind", INCIDENTS)
    _notes_again()


def _leave() -> None:
    op.create_table(
        "leave",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("reason", _words("leavereason", REASONS), nullable=False),
        sa.Column("divisions", DATA, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("note", sa.String(length=400), nullable=False),
        sa.Column("state", _words("leavestate", STATES), nullable=False),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.Column("returned_at", MOMENT, nullable=True),
        sa.Column("returned_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_leave_runs_forward")),
        _to("leave", "case_id", "supervised_case"),
        _to("leave", "approved_by", "user_account"),
        _to("leave", "returned_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave")),
    )
    op.create_index("ix_leave_case_id_starts_at", "leave", ["case_id", "starts_at"])
    op.create_index("ix_leave_state_ends_at", "leave", ["state", "ends_at"])


def _bans() -> None:
    op.create_table(
        "company_ban",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(length=400), nullable=False),
        sa.Column("named", sa.String(length=400), nullable=True),
        sa.Column("valid_from", MOMENT, nullable=False),
        sa.Column("valid_to", MOMENT, nullable=True),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("company_ban", "agency_id", "agency"),
        _to("company_ban", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_ban")),
    )
    op.create_table(
        "company_ban_case",
        sa.Column("ban_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        _to("company_ban_case", "ban_id", "company_ban"),
        _to("company_ban_case", "case_id", "supervised_case"),
        sa.PrimaryKeyConstraint("ban_id", "case_id", name=op.f("pk_company_ban_case")),
    )
    op.create_index("ix_company_ban_case_case_id", "company_ban_case", ["case_id"])
    op.create_table(
        "company_pair",
        sa.Column("one_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("together", sa.Boolean(), nullable=False),
        sa.Column("evidence_s", sa.Integer(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("near_at", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("apart_m", sa.Integer(), nullable=False),
        sa.Column("error_m", sa.Integer(), nullable=False),
        sa.CheckConstraint("one_id < other_id", name=op.f("ck_company_pair_once")),
        _to("company_pair", "one_id", "supervised_case"),
        _to("company_pair", "other_id", "supervised_case"),
        sa.PrimaryKeyConstraint("one_id", "other_id", name=op.f("pk_company_pair")),
    )


def _meeting_places() -> None:
    op.create_table(
        "meeting_place",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("radius_m", sa.Double(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        _to("meeting_place", "agency_id", "agency"),
        _to("meeting_place", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_place")),
    )
    op.create_index("ix_meeting_place_agency_id", "meeting_place", ["agency_id"])


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def _kinds(table: str, name: str, kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table(table) as altered:
        altered.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
        altered.create_check_constraint(op.f(f"ck_{table}_{name}"), f"kind IN ({listed})")


def _notes_again() -> None:
    """SQLite has rebuilt the table of zones, and its triggers went with the old one."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for statement in standing_ddl("sqlite"):
        if "ON zone BEGIN" in statement:
            op.execute(statement)


def downgrade() -> None:
    new = ", ".join(f"'{kind}'" for kind in INCIDENTS_NEW)
    for count in (
        "SELECT count(*) FROM leave",
        "SELECT count(*) FROM company_ban",
        "SELECT count(*) FROM zone WHERE kind = 'destination'",
        f"SELECT count(*) FROM incident WHERE kind IN ({new})",  # noqa: S608 - constants
    ):
        if op.get_bind().execute(sa.text(count)).scalar():
            msg = "0006 knows neither leave nor who is to keep apart: restore a backup of before"
            raise RuntimeError(msg)
    _kinds("incident", "incidentkind", INCIDENTS_BEFORE)
    _kinds("zone", "zonekind", ZONES_BEFORE)
    op.drop_index("ix_zone_leave_id", "zone")
    with op.batch_alter_table("zone") as table:
        for column, of in (("leave_id", "leave"), ("follows_id", "zone")):
            table.drop_constraint(op.f(f"fk_zone_{column}_{of}"), type_="foreignkey")
            table.drop_column(column)
    _notes_again()
    for name in ("meeting_place", "company_pair", "company_ban_case", "company_ban", "leave"):
        op.drop_table(name)
