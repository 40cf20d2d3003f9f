"""Forms that were printed, each with its number, sealed as it went out.

Revision: 0016
"""

import sqlalchemy as sa
from alembic import op

from models.base import append_only_ddl

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE = "printed_form"
KINDS = (
    "notification",
    "announcement",
    "team_commitment",
    "plan",
    "leave_approval",
    "regular_travel_approval",
    "positioning_approval",
    "positioning_decision",
    "positioning_notice",
    "positioning_end",
    "commendation_approval",
    "commendation_decision",
    "admonition_approval",
    "admonition_decision",
    "warning_approval",
    "warning_decision",
    "public_security_proposal",
    "suspension_revocation_proposal",
    "parole_revocation_proposal",
    "recommitment_proposal",
    "search_record",
    "assisted_search_notice",
    "release_announcement",
    "release_certificate",
)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="formkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_printed_form_agency_id_agency")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["supervised_case.id"],
            name=op.f("fk_printed_form_case_id_supervised_case"),
        ),
        sa.ForeignKeyConstraint(
            ["by"], ["user_account.id"], name=op.f("fk_printed_form_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_printed_form")),
        sa.UniqueConstraint(
            "agency_id",
            "kind",
            "year",
            "serial",
            name=op.f("uq_printed_form_agency_id_kind_year_serial"),
        ),
    )
    op.create_index("ix_printed_form_case_id_at", TABLE, ["case_id", "at"])
    for statement in append_only_ddl(op.get_bind().dialect.name, TABLE):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table(TABLE)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {TABLE}_refuse()")
