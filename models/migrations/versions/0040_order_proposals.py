"""Orders that an officer prepares and the head decides.

Revision: 0040
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
GROUNDS = (
    "prohibition_breached",
    "left_without_approval",
    "refused_reporting_warned",
    "breach_penalised",
    "revocation_proposed",
)
STATES = ("waiting", "ordered", "sent_back", "taken_back")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "order_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("ground", _words("ground", GROUNDS), nullable=False),
        sa.Column("evidence", sa.String(length=2000), nullable=False),
        sa.Column("facts", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("prepared_by", sa.Integer(), nullable=False),
        sa.Column("prepared_at", MOMENT, nullable=False),
        sa.Column("state", _words("proposalstate", STATES), nullable=False),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("answer", sa.String(length=400), nullable=True),
        sa.Column("order_id", sa.Integer(), nullable=True),
        _to("case_id", "supervised_case"),
        _to("prepared_by", "user_account"),
        _to("answered_by", "user_account"),
        _to("order_id", "positioning_order"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_proposal")),
    )
    op.create_index("ix_order_proposal_case_id", "order_proposal", ["case_id"])
    op.create_index(
        "uq_order_proposal_waiting",
        "order_proposal",
        ["case_id"],
        unique=True,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def _words(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_order_proposal_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("order_proposal")
