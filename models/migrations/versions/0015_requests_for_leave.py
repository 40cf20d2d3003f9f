"""Requests for leave with their proof; regular work elsewhere; who says that they are back.

Revision: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.base import append_only_ddl

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DATA = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
REASONS = ("medical", "study", "litigation", "family", "work")
LEVELS = ("office", "county", "upper")
STATES = ("asked", "approved", "refused", "withdrawn")


def upgrade() -> None:
    regular: sa.Column[bool] = sa.Column(
        "regular", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("leave", regular)
    op.add_column("leave", sa.Column("return_said_at", MOMENT, nullable=True))
    _requests()
    op.create_table(
        "leave_proof",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Uuid(), nullable=False),
        _to("leave_proof", "request_id", "leave_request"),
        _to("leave_proof", "photo_id", "stored_photo"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave_proof")),
    )
    op.create_index("ix_leave_proof_request_id", "leave_proof", ["request_id"])
    for statement in append_only_ddl(op.get_bind().dialect.name, "leave_proof"):
        op.execute(statement)


def _requests() -> None:
    op.create_table(
        "leave_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("reason", _words("leavereason", REASONS), nullable=False),
        sa.Column("regular", sa.Boolean(), nullable=False),
        sa.Column("divisions", DATA, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("why", sa.String(length=400), nullable=False),
        sa.Column("level", _words("leavelevel", LEVELS), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("state", _words("requeststate", STATES), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decision", sa.String(length=400), nullable=True),
        sa.Column("leave_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_leave_request_runs_forward")),
        _to("leave_request", "case_id", "supervised_case"),
        _to("leave_request", "decided_by", "user_account"),
        _to("leave_request", "leave_id", "leave"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave_request")),
    )
    op.create_index("ix_leave_request_case_id_state", "leave_request", ["case_id", "state"])


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("leave_proof")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION leave_proof_refuse()")
    op.drop_table("leave_request")
    op.drop_column("leave", "return_said_at")
    op.drop_column("leave", "regular")
