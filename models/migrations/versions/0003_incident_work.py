"""Work on incidents: the duty roster, who owns what and how high it went, where to write to.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _shift_table()
    op.add_column("user_account", sa.Column("email", sa.String(length=200), nullable=True))
    op.add_column("incident", sa.Column("asked_at", MOMENT, nullable=True))
    # Constraints beside their column: SQLite would rebuild the table, and drop its triggers, to
    # add one later.
    op.execute(
        "ALTER TABLE incident ADD COLUMN tier VARCHAR(32) "
        "CONSTRAINT ck_incident_tier CHECK (tier IN ('cover', 'head'))"
    )
    op.execute(
        "ALTER TABLE incident_step ADD COLUMN owner_id INTEGER "
        "CONSTRAINT fk_incident_step_owner_id_user_account REFERENCES user_account (id)"
    )


def _shift_table() -> None:
    op.create_table(
        "shift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("office_id", sa.Integer(), nullable=True),
        sa.Column("begins_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("cover_id", sa.Integer(), nullable=False),
        sa.Column("head_id", sa.Integer(), nullable=False),
        sa.Column("handed_over_at", MOMENT, nullable=True),
        sa.CheckConstraint("begins_at < ends_at", name=op.f("ck_shift_runs_forward")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_shift_agency_id_agency")
        ),
        sa.ForeignKeyConstraint(
            ["office_id"], ["office.id"], name=op.f("fk_shift_office_id_office")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], ["user_account.id"], name=op.f(f"fk_shift_{column}_user_account")
            )
            for column in ("officer_id", "cover_id", "head_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
    )
    op.create_index("ix_shift_agency_id_begins_at", "shift", ["agency_id", "begins_at"])


def downgrade() -> None:
    op.drop_column("incident_step", "owner_id")  # and its constraint with it
    with op.batch_alter_table("incident") as table:
        table.drop_constraint(op.f("ck_incident_tier"), type_="check")
        table.drop_column("tier")
        table.drop_column("asked_at")
    op.drop_column("user_account", "email")
    op.drop_table("shift")
