"""Where a zone's border comes from, its order's words, why it was kept; places to be at.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

from models.standing import standing_ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SOURCES = ("drawn", "administrative", "imported")
KINDS_BEFORE = ("home", "curfew", "exclusion")
KINDS = (*KINDS_BEFORE, "place")
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
)
INCIDENTS = (*INCIDENTS_BEFORE, "away_from_place")


def upgrade() -> None:
    source = sa.Enum(
        *SOURCES, name="boundarysource", native_enum=False, create_constraint=True, length=32
    )
    with op.batch_alter_table("zone") as table:
        table.add_column(sa.Column("source", source, nullable=False, server_default="drawn"))
        table.add_column(sa.Column("wording", sa.String(length=400), nullable=True))
        table.add_column(sa.Column("reason", sa.String(length=400), nullable=True))
    op.execute("UPDATE zone SET source = 'administrative' WHERE CAST(divisions AS TEXT) <> '[]'")
    _kinds("zone", "zonekind", KINDS)
    _kinds("incident", "incidentkind", INCIDENTS)
    _notes_again()


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
    for table, kind in (("zone", "place"), ("incident", "away_from_place")):
        count = sa.text(f"SELECT count(*) FROM {table} WHERE kind = '{kind}'")  # noqa: S608 - constants
        if op.get_bind().execute(count).scalar():
            msg = "0004 does not know places to be at: restore a backup of before instead"
            raise RuntimeError(msg)
    _kinds("incident", "incidentkind", INCIDENTS_BEFORE)
    _kinds("zone", "zonekind", KINDS_BEFORE)
    with op.batch_alter_table("zone") as zone:
        zone.drop_constraint(op.f("ck_zone_boundarysource"), type_="check")
        for column in ("reason", "wording", "source"):
            zone.drop_column(column)
    _notes_again()
