"""Units to study on the phone, and who read them.

Revision: 0027
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DATA = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
STATES = ("reading", "read", "counted", "refused")


def upgrade() -> None:
    op.create_table(
        "study_unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("minors", sa.Boolean(), nullable=False),
        sa.Column("pages", DATA, nullable=False),
        sa.Column("questions", DATA, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_study_unit_counts_time")),
        _to("study_unit", "agency_id", "agency"),
        _to("study_unit", "made_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_unit")),
    )
    op.create_index("ix_study_unit_agency_id", "study_unit", ["agency_id"])
    _studies()


def _studies() -> None:
    states = sa.Enum(
        *STATES, name="studystate", native_enum=False, create_constraint=True, length=32
    )
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("spent_s", sa.Integer(), nullable=False),
        sa.Column("check_page", sa.Integer(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("checkin_id", sa.Integer(), nullable=True),
        sa.Column("other_way", sa.Boolean(), nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state <> 'counted' OR minutes IS NOT NULL", name=op.f("ck_study_counted_has_minutes")
        ),
        _to("study", "unit_id", "study_unit"),
        _to("study", "case_id", "supervised_case"),
        _to("study", "checkin_id", "checkin"),
        _to("study", "decided_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("unit_id", "case_id", name=op.f("uq_study_unit_id_case_id")),
    )
    op.create_index("ix_study_case_id_state", "study", ["case_id", "state"])


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("study")
    op.drop_table("study_unit")
