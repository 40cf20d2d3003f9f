"""The first tables, and the triggers that keep append-only rows as they are.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.base import append_only_ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "audit_leaf",
    "audit_record",
    "audit_root",
    "checkin",
    "checkin_review",
    "consent",
    "incident_step",
    "points_entry",
    "rulebook",
)


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "level",
            sa.Enum(
                "county",
                "city",
                "province",
                name="agencylevel",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("division", sa.String(length=6), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["agency.id"], name=op.f("fk_agency_parent_id_agency")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency")),
    )
    op.create_table(
        "audit_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("via", sa.String(length=64), nullable=False),
        sa.Column(
            "detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_record")),
    )
    op.create_index(
        "ix_audit_record_actor", "audit_record", ["actor_kind", "actor_id"], unique=False
    )
    op.create_index(
        "ix_audit_record_subject", "audit_record", ["subject_kind", "subject_id"], unique=False
    )
    op.create_table(
        "audit_root",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_root")),
    )
    op.create_table(
        "boundary",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "geometry", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boundary")),
    )
    op.create_index("ix_boundary_code", "boundary", ["code"], unique=False)
    op.create_table(
        "job_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "done",
                "failed",
                name="jobstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "result", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_run")),
        sa.UniqueConstraint("name", "day", name=op.f("uq_job_run_name_day")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "sex",
            sa.Enum(
                "female", "male", name="sex", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column(
            "id_kind",
            sa.Enum(
                "resident",
                "passport",
                "hk_macao_permit",
                "taiwan_permit",
                "other",
                name="idkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("id_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("id_number_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("id_index", name=op.f("uq_person_id_index")),
    )
    op.create_index(op.f("ix_person_phone_index"), "person", ["phone_index"], unique=False)
    op.create_table(
        "reject",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=True),
        sa.Column("device", sa.String(length=64), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reject")),
    )
    op.create_index("ix_reject_received", "reject", ["received"], unique=False)
    op.create_table(
        "rulebook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column(
            "rules", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rulebook")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_rulebook_name_version")),
    )
    op.create_table(
        "audit_leaf",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["audit_record.id"], name=op.f("fk_audit_leaf_record_id_audit_record")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_leaf")),
        sa.UniqueConstraint("record_id", name=op.f("uq_audit_leaf_record_id")),
    )
    op.create_table(
        "gateway",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_gateway_agency_id_agency")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway")),
        sa.UniqueConstraint("name", name=op.f("uq_gateway_name")),
    )
    op.create_table(
        "office",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_office_agency_id_agency")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office")),
        sa.UniqueConstraint("agency_id", "name", name=op.f("uq_office_agency_id_name")),
    )
    op.create_index(op.f("ix_office_agency_id"), "office", ["agency_id"], unique=False)
    op.create_table(
        "phone_access",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("activation_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("activation_expires", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pin_hash", sa.String(length=200), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day_failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("no_smartphone", sa.Boolean(), nullable=False),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_phone_access_person_id_person")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_phone_access")),
        sa.UniqueConstraint("activation_index", name=op.f("uq_phone_access_activation_index")),
    )
    op.create_table(
        "stored_photo",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_stored_photo_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_photo")),
    )
    op.create_index(op.f("ix_stored_photo_person_id"), "stored_photo", ["person_id"], unique=False)
    op.create_table(
        "device",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("imei", sa.String(length=15), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=True),
        sa.Column("gateway_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateway.id"], name=op.f("fk_device_gateway_id_gateway")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("imei", name=op.f("uq_device_imei")),
        sa.UniqueConstraint("name", name=op.f("uq_device_name")),
    )
    op.create_index(op.f("ix_device_gateway_id"), "device", ["gateway_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=16), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=True),
        sa.Column("office_id", sa.Integer(), nullable=True),
        sa.Column(
            "payload", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_reason", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_outbox_agency_id_agency")
        ),
        sa.ForeignKeyConstraint(
            ["office_id"], ["office.id"], name=op.f("fk_outbox_office_id_office")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("position", name=op.f("uq_outbox_position")),
    )
    op.create_index(
        "ix_outbox_unsealed",
        "outbox",
        ["id"],
        unique=False,
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_table(
        "supervised_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column(
            "category",
            sa.Enum(
                "public_surveillance",
                "suspended_sentence",
                "parole",
                "outside_prison",
                name="category",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("deciding_authority", sa.String(length=200), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("reported_on", sa.Date(), nullable=True),
        sa.Column("term_start", sa.Date(), nullable=False),
        sa.Column("term_end", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "awaiting_report",
                "under_correction",
                "on_leave",
                "lost_contact",
                "absconded",
                "detained",
                "transferring",
                "released",
                "terminated",
                name="casestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_note", sa.String(), nullable=True),
        sa.Column(
            "level",
            sa.Enum(
                "strict",
                "ordinary",
                "lenient",
                name="level",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("minor", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "term_end >= term_start", name=op.f("ck_supervised_case_term_runs_forward")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_supervised_case_agency_id_agency")
        ),
        sa.ForeignKeyConstraint(
            ["office_id"], ["office.id"], name=op.f("fk_supervised_case_office_id_office")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_supervised_case_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervised_case")),
        sa.UniqueConstraint("number", name=op.f("uq_supervised_case_number")),
    )
    op.create_index(
        op.f("ix_supervised_case_agency_id"), "supervised_case", ["agency_id"], unique=False
    )
    op.create_index(
        "ix_supervised_case_office_state", "supervised_case", ["office_id", "state"], unique=False
    )
    op.create_index(
        op.f("ix_supervised_case_person_id"), "supervised_case", ["person_id"], unique=False
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "officer",
                "office_head",
                "county_head",
                "upper_agency",
                "procurator",
                "volunteer",
                "administrator",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("office_id", sa.Integer(), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_user_account_agency_id_agency")
        ),
        sa.ForeignKeyConstraint(
            ["office_id"], ["office.id"], name=op.f("fk_user_account_office_id_office")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("username", name=op.f("uq_user_account_username")),
    )
    op.create_index(op.f("ix_user_account_agency_id"), "user_account", ["agency_id"], unique=False)
    op.create_table(
        "binding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["supervised_case.id"], name=op.f("fk_binding_case_id_supervised_case")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_binding_device_id_device")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_binding")),
    )
    op.create_index(
        "ix_binding_device_id_bound_at", "binding", ["device_id", "bound_at"], unique=False
    )
    op.create_index(
        "uq_binding_case_id_now",
        "binding",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("unbound_at IS NULL"),
        postgresql_where=sa.text("unbound_at IS NULL"),
    )
    op.create_index(
        "uq_binding_device_id_now",
        "binding",
        ["device_id"],
        unique=True,
        sqlite_where=sa.text("unbound_at IS NULL"),
        postgresql_where=sa.text("unbound_at IS NULL"),
    )
    op.create_table(
        "checkin_duty",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "scheduled",
                "spot",
                "on_demand",
                name="dutykind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("missed_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "awaiting_delivery",
                "due",
                "done",
                "late",
                "missed",
                "void",
                name="dutystate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("void_reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "closes_at > opens_at", name=op.f("ck_checkin_duty_window_runs_forward")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["supervised_case.id"],
            name=op.f("fk_checkin_duty_case_id_supervised_case"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkin_duty")),
        sa.UniqueConstraint("case_id", "key", name=op.f("uq_checkin_duty_case_id_key")),
    )
    op.create_index(
        "ix_checkin_duty_state_closes_at", "checkin_duty", ["state", "closes_at"], unique=False
    )
    op.create_table(
        "checkin_plan",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("weekdays", sa.String(length=7), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("late_minutes", sa.Integer(), nullable=False),
        sa.Column("spot_checks", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["supervised_case.id"],
            name=op.f("fk_checkin_plan_case_id_supervised_case"),
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_checkin_plan")),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "face_check",
                name="consentpurpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("text_version", sa.String(length=32), nullable=False),
        sa.Column("recorded_by", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_consent_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["user_account.id"], name=op.f("fk_consent_recorded_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(
        "ix_consent_person_id_purpose", "consent", ["person_id", "purpose"], unique=False
    )
    op.create_table(
        "device_event",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=2000), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_event_device_id_device")
        ),
        sa.PrimaryKeyConstraint("device_id", "time", "seq", name=op.f("pk_device_event")),
    )
    op.create_table(
        "device_state",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("source", sa.String(length=4), nullable=True),
        sa.Column("battery", sa.Double(), nullable=True),
        sa.Column("strap_open", sa.Boolean(), nullable=True),
        sa.Column("zones", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_state_device_id_device")
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_state")),
    )
    op.create_table(
        "face_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("enrolled_by", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["enrolled_by"],
            ["user_account.id"],
            name=op.f("fk_face_template_enrolled_by_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_face_template_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_template")),
    )
    op.create_index(
        op.f("ix_face_template_person_id"), "face_template", ["person_id"], unique=False
    )
    op.create_index(
        "uq_face_template_in_use",
        "face_template",
        ["person_id"],
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "fix",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lat", sa.Float(precision=53), nullable=False),
        sa.Column("lon", sa.Float(precision=53), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("source", sa.String(length=4), nullable=True),
        sa.Column("crs", sa.String(length=5), nullable=False),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.Column("battery", sa.Double(), nullable=True),
        sa.Column("strap_open", sa.Boolean(), nullable=True),
        sa.Column("worn", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_fix_device_id_device")),
        sa.PrimaryKeyConstraint("device_id", "time", "seq", name=op.f("pk_fix")),
    )
    op.create_table(
        "help_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "call_back",
                "help",
                "video_call",
                "visit",
                name="helpkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_by", sa.Integer(), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["supervised_case.id"],
            name=op.f("fk_help_request_case_id_supervised_case"),
        ),
        sa.ForeignKeyConstraint(
            ["handled_by"],
            ["user_account.id"],
            name=op.f("fk_help_request_handled_by_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_request")),
    )
    op.create_index(
        "uq_help_request_open",
        "help_request",
        ["case_id", "kind"],
        unique=True,
        sqlite_where=sa.text("handled_at IS NULL"),
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    op.create_table(
        "points_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("rulebook_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("fact", sa.String(length=64), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column(
            "evidence", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "confirmed",
                "refused",
                name="draftstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.String(length=2000), nullable=True),
        sa.Column("excuse", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["supervised_case.id"],
            name=op.f("fk_points_draft_case_id_supervised_case"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"],
            ["user_account.id"],
            name=op.f("fk_points_draft_decided_by_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["rulebook_id"], ["rulebook.id"], name=op.f("fk_points_draft_rulebook_id_rulebook")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_draft")),
        sa.UniqueConstraint(
            "case_id", "item", "fact", name=op.f("uq_points_draft_case_id_item_fact")
        ),
    )
    op.create_index("ix_points_draft_state", "points_draft", ["state"], unique=False)
    op.create_table(
        "positioning_order",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column(
            "ground",
            sa.Enum(
                "prohibition_breached",
                "left_without_approval",
                "refused_reporting_warned",
                "breach_penalised",
                "revocation_proposed",
                name="ground",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("evidence", sa.String(length=2000), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Integer(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "ends_at > starts_at", name=op.f("ck_positioning_order_term_runs_forward")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"],
            ["user_account.id"],
            name=op.f("fk_positioning_order_approved_by_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["supervised_case.id"],
            name=op.f("fk_positioning_order_case_id_supervised_case"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_positioning_order")),
    )
    op.create_index(
        "ix_positioning_order_case_id_starts_at",
        "positioning_order",
        ["case_id", "starts_at"],
        unique=False,
    )
    op.create_table(
        "risk_flag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "late_to_report",
                "checkin_missed",
                "device_silent",
                "order_ending",
                "term_ending",
                "deduction_moot",
                name="flagkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("law", sa.String(length=64), nullable=False),
        sa.Column(
            "reasons", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "handled",
                "passed",
                name="flagstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_by", sa.Integer(), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["supervised_case.id"], name=op.f("fk_risk_flag_case_id_supervised_case")
        ),
        sa.ForeignKeyConstraint(
            ["handled_by"], ["user_account.id"], name=op.f("fk_risk_flag_handled_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_flag")),
        sa.UniqueConstraint("case_id", "kind", "key", name=op.f("uq_risk_flag_case_id_kind_key")),
    )
    op.create_index("ix_risk_flag_state_day", "risk_flag", ["state", "day"], unique=False)
    op.create_table(
        "team_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "sex",
            sa.Enum(
                "female", "male", name="sex", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["supervised_case.id"], name=op.f("fk_team_member_case_id_supervised_case")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_team_member_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_member")),
    )
    op.create_index(op.f("ix_team_member_case_id"), "team_member", ["case_id"], unique=False)
    op.create_index(op.f("ix_team_member_user_id"), "team_member", ["user_id"], unique=False)
    op.create_table(
        "zone",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "home",
                "curfew",
                "exclusion",
                name="zonekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "geometry", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "divisions", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("datum", sa.String(length=8), nullable=False),
        sa.Column("margin_m", sa.Double(), nullable=False),
        sa.Column("hours", sa.String(length=11), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["supervised_case.id"], name=op.f("fk_zone_case_id_supervised_case")
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["user_account.id"], name=op.f("fk_zone_made_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone")),
    )
    op.create_index("ix_zone_case_id", "zone", ["case_id"], unique=False)
    op.create_table(
        "checkin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("duty_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "way",
            sa.Enum(
                "phone",
                "kiosk",
                "officer_call",
                "officer_visit",
                "officer_counter",
                "officer_video",
                name="way",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "match",
                "no_match",
                "uncertain",
                "no_face",
                "many_faces",
                "poor_image",
                "fault",
                "attested",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "liveness",
            sa.Enum(
                "live",
                "not_live",
                "cannot_tell",
                "not_judged",
                name="liveness",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column(
            "reasons", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("model_version", sa.String(length=64), nullable=True),
        sa.Column("photo_id", sa.Uuid(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column(
            "answers", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("recorded_by", sa.Integer(), nullable=True),
        sa.Column("receipt", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["supervised_case.id"], name=op.f("fk_checkin_case_id_supervised_case")
        ),
        sa.ForeignKeyConstraint(
            ["duty_id"], ["checkin_duty.id"], name=op.f("fk_checkin_duty_id_checkin_duty")
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["stored_photo.id"], name=op.f("fk_checkin_photo_id_stored_photo")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["user_account.id"], name=op.f("fk_checkin_recorded_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkin")),
        sa.UniqueConstraint("receipt", name=op.f("uq_checkin_receipt")),
    )
    op.create_index("ix_checkin_case_id_at", "checkin", ["case_id", "at"], unique=False)
    op.create_index(op.f("ix_checkin_duty_id"), "checkin", ["duty_id"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=True),
        sa.Column("zone_id", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "left_home_area",
                "entered_exclusion",
                "out_in_curfew",
                "strap_opened",
                "case_opened",
                "separated",
                "jammed",
                "device_silent",
                "power_off",
                "sos",
                name="incidentkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.Enum(
                "urgent",
                "soon",
                "watch",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "acknowledged",
                "acting",
                "closed",
                name="incidentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "facts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("open_key", sa.String(length=64), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column(
            "cause",
            sa.Enum(
                "left_without_approval",
                "approved_absence",
                "position_drift",
                "no_coverage",
                "device_fault",
                "battery_empty",
                "serviced",
                "tampered",
                "emergency",
                "rule_wrong",
                "other",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["supervised_case.id"], name=op.f("fk_incident_case_id_supervised_case")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_incident_device_id_device")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name=op.f("fk_incident_owner_id_user_account")
        ),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.id"], name=op.f("fk_incident_zone_id_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("open_key", name=op.f("uq_incident_open_key")),
    )
    op.create_index(op.f("ix_incident_case_id"), "incident", ["case_id"], unique=False)
    op.create_index("ix_incident_state_opened_at", "incident", ["state", "opened_at"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text_zh", sa.String(length=1000), nullable=False),
        sa.Column("text_en", sa.String(length=1000), nullable=False),
        sa.Column("duty_id", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sent",
                "delivered",
                "to_call",
                name="noticestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("channel", sa.String(length=16), nullable=True),
        sa.Column("reference", sa.String(length=100), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["called_by"], ["user_account.id"], name=op.f("fk_notice_called_by_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["duty_id"], ["checkin_duty.id"], name=op.f("fk_notice_duty_id_checkin_duty")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_notice_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index(op.f("ix_notice_duty_id"), "notice", ["duty_id"], unique=False)
    op.create_index(op.f("ix_notice_person_id"), "notice", ["person_id"], unique=False)
    op.create_index(op.f("ix_notice_reference"), "notice", ["reference"], unique=False)
    op.create_index("ix_notice_state_sent_at", "notice", ["state", "sent_at"], unique=False)
    op.create_table(
        "points_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("rulebook_id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=True),
        sa.Column("reverses_id", sa.Integer(), nullable=True),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reverses_id IS NULL OR draft_id IS NULL",
            name=op.f("ck_points_entry_reversal_has_no_draft"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["supervised_case.id"],
            name=op.f("fk_points_entry_case_id_supervised_case"),
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["points_draft.id"], name=op.f("fk_points_entry_draft_id_points_draft")
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["user_account.id"], name=op.f("fk_points_entry_made_by_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"],
            ["points_entry.id"],
            name=op.f("fk_points_entry_reverses_id_points_entry"),
        ),
        sa.ForeignKeyConstraint(
            ["rulebook_id"], ["rulebook.id"], name=op.f("fk_points_entry_rulebook_id_rulebook")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_entry")),
        sa.UniqueConstraint("draft_id", name=op.f("uq_points_entry_draft_id")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_points_entry_reverses_id")),
    )
    op.create_index(
        "ix_points_entry_case_id_happened_on",
        "points_entry",
        ["case_id", "happened_on"],
        unique=False,
    )
    op.create_table(
        "zone_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("zone_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "inside",
                "outside",
                "unknown",
                name="zonestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "evidence", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_zone_change_device_id_device")
        ),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.id"], name=op.f("fk_zone_change_zone_id_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_change")),
    )
    op.create_index(
        "ix_zone_change_zone_id_since", "zone_change", ["zone_id", "since"], unique=False
    )
    op.create_table(
        "checkin_challenge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("capture", sa.LargeBinary(length=32), nullable=True),
        sa.Column("checkin_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["checkin_id"], ["checkin.id"], name=op.f("fk_checkin_challenge_checkin_id_checkin")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_checkin_challenge_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkin_challenge")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_checkin_challenge_token_hash")),
    )
    op.create_index(
        op.f("ix_checkin_challenge_person_id"), "checkin_challenge", ["person_id"], unique=False
    )
    op.create_table(
        "checkin_review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkin_id", sa.Integer(), nullable=False),
        sa.Column(
            "decision",
            sa.Enum(
                "match",
                "no_match",
                "concern",
                name="reviewdecision",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("by", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["by"], ["user_account.id"], name=op.f("fk_checkin_review_by_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["checkin_id"], ["checkin.id"], name=op.f("fk_checkin_review_checkin_id_checkin")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkin_review")),
    )
    op.create_index(
        op.f("ix_checkin_review_checkin_id"), "checkin_review", ["checkin_id"], unique=False
    )
    op.create_table(
        "incident_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column(
            "cause",
            sa.Enum(
                "left_without_approval",
                "approved_absence",
                "position_drift",
                "no_coverage",
                "device_fault",
                "battery_empty",
                "serviced",
                "tampered",
                "emergency",
                "rule_wrong",
                "other",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(
            ["by"], ["user_account.id"], name=op.f("fk_incident_step_by_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_incident_step_incident_id_incident")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_step")),
    )
    op.create_index(
        op.f("ix_incident_step_incident_id"), "incident_step", ["incident_id"], unique=False
    )
    for table in APPEND_ONLY:
        for statement in append_only_ddl(op.get_bind().dialect.name, table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_incident_step_incident_id"), table_name="incident_step")
    op.drop_table("incident_step")
    op.drop_index(op.f("ix_checkin_review_checkin_id"), table_name="checkin_review")
    op.drop_table("checkin_review")
    op.drop_index(op.f("ix_checkin_challenge_person_id"), table_name="checkin_challenge")
    op.drop_table("checkin_challenge")
    op.drop_index("ix_zone_change_zone_id_since", table_name="zone_change")
    op.drop_table("zone_change")
    op.drop_index("ix_points_entry_case_id_happened_on", table_name="points_entry")
    op.drop_table("points_entry")
    op.drop_index("ix_notice_state_sent_at", table_name="notice")
    op.drop_index(op.f("ix_notice_reference"), table_name="notice")
    op.drop_index(op.f("ix_notice_person_id"), table_name="notice")
    op.drop_index(op.f("ix_notice_duty_id"), table_name="notice")
    op.drop_table("notice")
    op.drop_index("ix_incident_state_opened_at", table_name="incident")
    op.drop_index(op.f("ix_incident_case_id"), table_name="incident")
    op.drop_table("incident")
    op.drop_index(op.f("ix_checkin_duty_id"), table_name="checkin")
    op.drop_index("ix_checkin_case_id_at", table_name="checkin")
    op.drop_table("checkin")
    op.drop_index("ix_zone_case_id", table_name="zone")
    op.drop_table("zone")
    op.drop_index(op.f("ix_team_member_user_id"), table_name="team_member")
    op.drop_index(op.f("ix_team_member_case_id"), table_name="team_member")
    op.drop_table("team_member")
    op.drop_index("ix_risk_flag_state_day", table_name="risk_flag")
    op.drop_table("risk_flag")
    op.drop_index("ix_positioning_order_case_id_starts_at", table_name="positioning_order")
    op.drop_table("positioning_order")
    op.drop_index("ix_points_draft_state", table_name="points_draft")
    op.drop_table("points_draft")
    op.drop_index(
        "uq_help_request_open",
        table_name="help_request",
        sqlite_where=sa.text("handled_at IS NULL"),
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    op.drop_table("help_request")
    op.drop_table("fix")
    op.drop_index(
        "uq_face_template_in_use",
        table_name="face_template",
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.drop_index(op.f("ix_face_template_person_id"), table_name="face_template")
    op.drop_table("face_template")
    op.drop_table("device_state")
    op.drop_table("device_event")
    op.drop_index("ix_consent_person_id_purpose", table_name="consent")
    op.drop_table("consent")
    op.drop_table("checkin_plan")
    op.drop_index("ix_checkin_duty_state_closes_at", table_name="checkin_duty")
    op.drop_table("checkin_duty")
    op.drop_index(
        "uq_binding_device_id_now",
        table_name="binding",
        sqlite_where=sa.text("unbound_at IS NULL"),
        postgresql_where=sa.text("unbound_at IS NULL"),
    )
    op.drop_index(
        "uq_binding_case_id_now",
        table_name="binding",
        sqlite_where=sa.text("unbound_at IS NULL"),
        postgresql_where=sa.text("unbound_at IS NULL"),
    )
    op.drop_index("ix_binding_device_id_bound_at", table_name="binding")
    op.drop_table("binding")
    op.drop_index(op.f("ix_user_account_agency_id"), table_name="user_account")
    op.drop_table("user_account")
    op.drop_index(op.f("ix_supervised_case_person_id"), table_name="supervised_case")
    op.drop_index("ix_supervised_case_office_state", table_name="supervised_case")
    op.drop_index(op.f("ix_supervised_case_agency_id"), table_name="supervised_case")
    op.drop_table("supervised_case")
    op.drop_index(
        "ix_outbox_unsealed",
        table_name="outbox",
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.drop_table("outbox")
    op.drop_index(op.f("ix_device_gateway_id"), table_name="device")
    op.drop_table("device")
    op.drop_index(op.f("ix_stored_photo_person_id"), table_name="stored_photo")
    op.drop_table("stored_photo")
    op.drop_table("phone_access")
    op.drop_index(op.f("ix_office_agency_id"), table_name="office")
    op.drop_table("office")
    op.drop_table("gateway")
    op.drop_table("audit_leaf")
    op.drop_table("rulebook")
    op.drop_index("ix_reject_received", table_name="reject")
    op.drop_table("reject")
    op.drop_index(op.f("ix_person_phone_index"), table_name="person")
    op.drop_table("person")
    op.drop_table("job_run")
    op.drop_index("ix_boundary_code", table_name="boundary")
    op.drop_table("boundary")
    op.drop_table("audit_root")
    op.drop_index("ix_audit_record_subject", table_name="audit_record")
    op.drop_index("ix_audit_record_actor", table_name="audit_record")
    op.drop_table("audit_record")
    op.drop_table("agency")
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            op.execute(f"DROP FUNCTION {table}_refuse()")
