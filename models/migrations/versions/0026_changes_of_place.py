"""Changes of the place of enforcement.

Revision: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = ("asked", "consulted", "agreed", "refused", "sent", "received", "withdrawn")
RUNNING = sa.text("state IN ('asked', 'consulted', 'agreed', 'sent')")
PLACES = ("from_agency_id", "to_agency_id")
PEOPLE = ("asked_by", "replied_by", "decided_by", "received_by", "withdrawn_by")


def upgrade() -> None:
    states = sa.Enum(
        *STATES, name="transferstate", native_enum=False, create_constraint=True, length=32
    )
    op.create_table(
        "transfer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("from_agency_id", sa.Integer(), nullable=False),
        sa.Column("from_office_id", sa.Integer(), nullable=False),
        sa.Column("to_agency_id", sa.Integer(), nullable=False),
        sa.Column("to_office_id", sa.Integer(), nullable=True),
        sa.Column("state", states, nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("moves_on", sa.Date(), nullable=False),
        sa.Column("why", sa.String(length=400), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("consult_number", sa.String(length=64), nullable=True),
        sa.Column("replied_at", MOMENT, nullable=True),
        sa.Column("replied_by", sa.Integer(), nullable=True),
        sa.Column("reply_agrees", sa.Boolean(), nullable=True),
        sa.Column("reply", sa.String(length=400), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decision", sa.String(length=400), nullable=True),
        sa.Column("report_by", sa.Date(), nullable=True),
        sa.Column("sent_number", sa.String(length=64), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=True),
        sa.Column("received_at", MOMENT, nullable=True),
        sa.Column("received_by", sa.Integer(), nullable=True),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        sa.Column("withdrawn_by", sa.Integer(), nullable=True),
        sa.Column("withdrawn_why", sa.String(length=400), nullable=True),
        sa.CheckConstraint(
            "from_agency_id <> to_agency_id", name=op.f("ck_transfer_to_another_agency")
        ),
        _to("case_id", "supervised_case"),
        *(_to(column, "agency") for column in PLACES),
        *(_to(column, "office") for column in ("from_office_id", "to_office_id")),
        *(_to(column, "user_account") for column in PEOPLE),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    for column in ("case_id", "from_agency_id", "to_agency_id"):
        op.create_index(f"ix_transfer_{column}", "transfer", [column])
    op.create_index(
        "uq_transfer_running",
        "transfer",
        ["case_id"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_transfer_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("transfer")
