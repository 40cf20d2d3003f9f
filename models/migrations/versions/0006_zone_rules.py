"""Rules of the zone engine with their first moments; what-ifs; incidents by the time they opened.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.base import append_only_ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DATA = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
STATES = ("waiting", "running", "done", "cancelled", "failed")


def upgrade() -> None:
    op.create_index("ix_incident_opened_at", "incident", ["opened_at"])
    _zone_rule_table()
    _what_if_table()


def _zone_rule_table() -> None:
    op.create_table(
        "zone_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("effective_from", MOMENT, nullable=False),
        sa.Column("figures", DATA, nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("withdraws_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["made_by"], ["user_account.id"], name=op.f("fk_zone_rule_made_by_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["withdraws_id"], ["zone_rule.id"], name=op.f("fk_zone_rule_withdraws_id_zone_rule")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_rule")),
        sa.UniqueConstraint("version", name=op.f("uq_zone_rule_version")),
        sa.UniqueConstraint("withdraws_id", name=op.f("uq_zone_rule_withdraws_id")),
    )
    op.create_index("ix_zone_rule_effective_from", "zone_rule", ["effective_from"])
    for statement in append_only_ddl(op.get_bind().dialect.name, "zone_rule"):
        op.execute(statement)


def _what_if_table() -> None:
    state = sa.Enum(
        *STATES, name="whatifstate", native_enum=False, create_constraint=True, length=32
    )
    op.create_table(
        "what_if",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("present", DATA, nullable=False),
        sa.Column("proposed", DATA, nullable=False),
        sa.Column("state", state, nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("beat_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("result", DATA, nullable=False),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["user_account.id"], name=op.f("fk_what_if_asked_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_what_if")),
    )
    op.create_index("ix_what_if_asked_by", "what_if", ["asked_by"])
    op.create_index("ix_what_if_state", "what_if", ["state"])


def downgrade() -> None:
    op.drop_table("what_if")
    op.drop_table("zone_rule")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION zone_rule_refuse()")
    op.drop_index("ix_incident_opened_at", "incident")
