"""Photos and PDFs that fix the steps of a search.

Revision: 0029
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        _to("step_id", "search_step"),
        _to("photo_id", "stored_photo"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_attachment")),
    )
    op.create_index("ix_search_attachment_step_id", "search_attachment", ["step_id"])
    for statement in append_only_ddl(op.get_bind().dialect.name, "search_attachment"):
        op.execute(statement)


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_search_attachment_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("search_attachment")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION search_attachment_refuse()")
