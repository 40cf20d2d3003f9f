"""How many trials of a measurement of the face check had no answer.

Revision: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("face_measurement", sa.Column("untold", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("face_measurement", "untold")
