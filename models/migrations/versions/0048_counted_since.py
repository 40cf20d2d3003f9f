"""From when on intervals of reports are counted; reports that nobody has read, at hand.

What custody ended before this was kept is not known: all who are supervised are counted from their
present state on, which holds no custody against them.

Revision: 0048
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

UNREAD = sa.text("read_at IS NULL")


def upgrade() -> None:
    since = sa.Column("counted_since", sa.DateTime(timezone=True), nullable=True)
    op.add_column("supervised_case", since)
    op.execute(
        "UPDATE supervised_case SET counted_since = state_since"
        " WHERE state IN ('under_correction', 'on_leave', 'lost_contact', 'absconded',"
        " 'transferring')"
    )
    op.create_index(
        "ix_change_report_unread",
        "change_report",
        ["told_at"],
        sqlite_where=UNREAD,
        postgresql_where=UNREAD,
    )


def downgrade() -> None:
    op.drop_index("ix_change_report_unread", table_name="change_report")
    op.drop_column("supervised_case", "counted_since")
