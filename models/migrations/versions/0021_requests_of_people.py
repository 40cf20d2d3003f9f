"""What people ask for as of right; the number at which an office answers.

Revision: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS = ("copy", "correction", "petition")
ADDRESSEES = ("agency", "procuratorate")
STATES = ("open", "granted", "declined")
FIELDS = (
    "name",
    "birth",
    "id_number",
    "phone",
    "address",
    "sentence",
    "checkins",
    "points",
    "other",
)


def upgrade() -> None:
    op.add_column("office", sa.Column("phone", sa.String(length=32), nullable=True))
    op.create_table(
        "person_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("requestkind", KINDS), nullable=False),
        sa.Column("addressee", _words("addressee", ADDRESSEES), nullable=False),
        sa.Column("field", _words("keptfield", FIELDS), nullable=True),
        sa.Column("about_id", sa.Integer(), nullable=True),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("state", _words("personrequeststate", STATES), nullable=False),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("carried_on_at", MOMENT, nullable=True),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "kind = 'petition' OR addressee = 'agency'",
            name=op.f("ck_person_request_the_agency_keeps_the_data"),
        ),
        _to("case_id", "supervised_case"),
        _to("about_id", "user_account"),
        _to("answered_by", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_request")),
    )
    op.create_index("ix_person_request_case_id", "person_request", ["case_id"])
    op.create_index("ix_person_request_state_due_on", "person_request", ["state", "due_on"])


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _to(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_person_request_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def downgrade() -> None:
    op.drop_table("person_request")
    op.drop_column("office", "phone")
