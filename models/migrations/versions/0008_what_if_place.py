"""Of which agency and office a what-if is: what its asker saw then, wherever they work now.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = (("agency_id", "agency"), ("office_id", "office"))


def upgrade() -> None:
    with op.batch_alter_table("what_if") as table:
        for column, of in COLUMNS:
            table.add_column(sa.Column(column, sa.Integer(), nullable=True))
            table.create_foreign_key(op.f(f"fk_what_if_{column}_{of}"), of, [column], ["id"])
    for column, _ in COLUMNS:
        asker = f"SELECT {column} FROM user_account WHERE user_account.id = what_if.asked_by"  # noqa: S608 - constants
        op.execute(f"UPDATE what_if SET {column} = ({asker})")  # noqa: S608
    with op.batch_alter_table("what_if") as table:
        table.alter_column("agency_id", existing_type=sa.Integer(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("what_if") as table:
        for column, of in COLUMNS:
            table.drop_constraint(op.f(f"fk_what_if_{column}_{of}"), type_="foreignkey")
            table.drop_column(column)
