"""How cases end, by which paper, and the steps that are owed after another end than a release.

Revision: 0042
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl
from models.standing import standing_ddl

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

ENDINGS = (
    "term_over",
    "pardon",
    "suspension_revoked",
    "parole_revoked",
    "recommitted",
    "death",
    "other",
)
STEPS_BEFORE = (
    "papers",
    "identity",
    "filed",
    "announced",
    "exit_ban_reported",
    "summary",
    "certificate",
    "release_announced",
    "authority_told",
    "procuratorate_told",
    "police_told",
    "handed_over",
    "exit_ban_lifted",
)
STEPS = (*STEPS_BEFORE, "end_told", "delivered")


def upgrade() -> None:
    with op.batch_alter_table("supervised_case") as table:
        table.add_column(sa.Column("ended_as", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("ended_by", sa.String(length=400), nullable=True))
        table.create_check_constraint(
            op.f("ck_supervised_case_endedas"), f"ended_as IN ({_listed(ENDINGS)})"
        )
        table.create_check_constraint(
            op.f("ck_supervised_case_ended_once_over"),
            "ended_as IS NULL OR state IN ('released', 'terminated')",
        )
    _notes_again()
    _steps(STEPS)


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _notes_again() -> None:
    """SQLite has rebuilt the table of cases, and its triggers went with the old one."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for statement in standing_ddl("sqlite"):
        if "ON supervised_case BEGIN" in statement:
            op.execute(statement)


def _steps(steps: tuple[str, ...]) -> None:
    with op.batch_alter_table("milestone") as table:
        table.drop_constraint(op.f("ck_milestone_step"), type_="check")
        table.create_check_constraint(op.f("ck_milestone_step"), f"step IN ({_listed(steps)})")
    if op.get_bind().dialect.name == "sqlite":
        for statement in append_only_ddl("sqlite", "milestone"):
            op.execute(statement)


def downgrade() -> None:
    for count in (
        "SELECT count(*) FROM supervised_case WHERE ended_as IS NOT NULL",
        "SELECT count(*) FROM milestone WHERE step IN ('end_told', 'delivered')",
    ):
        if op.get_bind().execute(sa.text(count)).scalar():
            msg = "0041 does not know how cases end: restore a backup of before"
            raise RuntimeError(msg)
    _steps(STEPS_BEFORE)
    with op.batch_alter_table("supervised_case") as table:
        for name in ("ck_supervised_case_endedas", "ck_supervised_case_ended_once_over"):
            table.drop_constraint(op.f(name), type_="check")
        for column in ("ended_by", "ended_as"):
            table.drop_column(column)
    _notes_again()
