"""A second person's agreement with a no-match.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "review_confirmation"


def upgrade() -> None:
    op.create_index("uq_checkin_review_id_by", "checkin_review", ["id", "by"], unique=True)
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("review_id", sa.Integer(), nullable=False),
        sa.Column("found_by", sa.Integer(), nullable=False),
        sa.Column("by", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("alone_because", sa.String(length=2000), nullable=True),
        sa.CheckConstraint(
            "by <> found_by OR alone_because IS NOT NULL",
            name=op.f("ck_review_confirmation_second_person"),
        ),
        sa.ForeignKeyConstraint(
            ["review_id", "found_by"],
            ["checkin_review.id", "checkin_review.by"],
            name=op.f("fk_review_confirmation_review_id_found_by_checkin_review"),
        ),
        sa.ForeignKeyConstraint(
            ["by"], ["user_account.id"], name=op.f("fk_review_confirmation_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_confirmation")),
        sa.UniqueConstraint("review_id", name=op.f("uq_review_confirmation_review_id")),
    )
    for statement in append_only_ddl(op.get_bind().dialect.name, TABLE):
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT count(*) FROM review_confirmation")).scalar():
        msg = "0012 knows no second look at a check-in: restore a backup of before"
        raise RuntimeError(msg)
    op.drop_table(TABLE)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION review_confirmation_refuse()")
    op.drop_index("uq_checkin_review_id_by", "checkin_review")
