"""How often the face check was measured to err.

Revision: 0014
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE = "face_measurement"
RATES = ("fmr", "fnmr", "apcer", "bpcer")
COMPARED = ("pair", "template", "presentation")


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", _words("errorrate", RATES), nullable=False),
        sa.Column("compared", _words("compared", COMPARED), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "trials > 0 AND errors BETWEEN 0 AND trials",
            name=op.f("ck_face_measurement_errors_of_trials"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_measurement")),
    )
    for statement in append_only_ddl(op.get_bind().dialect.name, TABLE):
        op.execute(statement)


def _words(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def downgrade() -> None:
    op.drop_table(TABLE)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {TABLE}_refuse()")
