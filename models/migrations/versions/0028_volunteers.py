"""The register of volunteers, and the log of visits, calls, talks and reports.

Revision: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = ("proposed", "accepted", "ended")
KINDS = ("visit", "call", "talk", "report")


def upgrade() -> None:
    op.create_table(
        "volunteer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("skills", sa.String(length=400), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("state", _words("volunteerstate", STATES), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("reviewed_by", sa.Integer(), nullable=True),
        sa.Column("reviewed_at", MOMENT, nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        _to("volunteer", "agency_id", "agency"),
        _to("volunteer", "user_id", "user_account"),
        _to("volunteer", "made_by", "user_account"),
        _to("volunteer", "reviewed_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volunteer")),
        sa.UniqueConstraint("user_id", name=op.f("uq_volunteer_user_id")),
    )
    op.create_index("ix_volunteer_agency_id", "volunteer", ["agency_id"])
    _contacts()


def _contacts() -> None:
    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("contactkind", KINDS), nullable=False),
        sa.Column("happened_at", MOMENT, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("said", sa.String(length=2000), nullable=False),
        sa.Column("volunteer_id", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("checked_by", sa.Integer(), nullable=True),
        sa.Column("checked_at", MOMENT, nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=True),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_contact_takes_time")),
        _to("contact", "case_id", "supervised_case"),
        _to("contact", "volunteer_id", "volunteer"),
        _to("contact", "made_by", "user_account"),
        _to("contact", "checked_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    op.create_index("ix_contact_case_id_happened_at", "contact", ["case_id", "happened_at"])
    op.create_index("ix_contact_volunteer_id", "contact", ["volunteer_id"])


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("contact")
    op.drop_table("volunteer")
