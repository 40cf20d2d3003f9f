"""Telemetry for a country: fixes on a grid, by day and packed; notes for ingest; commands.

Revision: 0002
"""

import hashlib
import json
from math import cos, pi, radians, sin
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.partition import no_partition_ddl, partition_ddl
from models.standing import TABLES, standing_ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
METRES_A_DEGREE = 111_195.0
CORNERS = 64


def upgrade() -> None:
    _fixes_onto_the_grid()
    _tables_of_days()
    _tables_of_notes()
    _tables_of_ingest()
    _command_table()
    _protocols()
    _shapes_of_zones()
    with op.batch_alter_table("device_state") as table:
        table.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("device_state") as table:
        table.alter_column("revision", server_default=None)
    with op.batch_alter_table("reject") as table:
        table.add_column(sa.Column("times", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("reject") as table:
        table.alter_column("times", server_default=None)
    with op.batch_alter_table("zone_change") as table:
        table.add_column(sa.Column("recorded_at", MOMENT, nullable=True))
        table.add_column(sa.Column("superseded_at", MOMENT, nullable=True))
    op.execute("UPDATE zone_change SET recorded_at = decided_at")
    with op.batch_alter_table("zone_change") as table:
        table.alter_column("recorded_at", existing_type=MOMENT, nullable=False)
    for statement in standing_ddl(op.get_bind().dialect.name):
        op.execute(statement)
    if _on_postgresql():
        for statement in partition_ddl():
            op.execute(statement)
        # Every row is rewritten each minute: with room on its page a new version needs no new
        # entry in the index, and the old one is cleared away in passing.
        op.execute("ALTER TABLE device_state SET (fillfactor = 50)")


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _fixes_onto_the_grid() -> None:
    op.rename_table("fix", "fix_before")
    if _on_postgresql():
        op.execute("ALTER TABLE fix_before RENAME CONSTRAINT pk_fix TO pk_fix_before")
    op.create_table(
        "fix",
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", MOMENT, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received", MOMENT, nullable=False),
        sa.Column("lat", sa.Integer(), nullable=False),
        sa.Column("lon", sa.Integer(), nullable=False),
        sa.Column("accuracy_m", sa.Integer(), nullable=True),
        sa.Column("speed_mps", sa.Integer(), nullable=True),
        sa.Column("heading_deg", sa.SmallInteger(), nullable=True),
        sa.Column("battery", sa.SmallInteger(), nullable=True),
        sa.Column("source", sa.SmallInteger(), nullable=False),
        sa.Column("crs", sa.SmallInteger(), nullable=False),
        sa.Column("strap_open", sa.Boolean(), nullable=True),
        sa.Column("worn", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", "time", "seq", name=op.f("pk_fix")),
        postgresql_partition_by="RANGE (time)",
    )
    op.create_index("ix_fix_time", "fix", ["time"], postgresql_using="brin")
    if _on_postgresql():
        op.execute("CREATE TABLE fix_default PARTITION OF fix DEFAULT")
    op.execute(
        "INSERT INTO fix SELECT device_id, time, seq, received, CAST(round(lat * 10000000) AS "
        "integer), CAST(round(lon * 10000000) AS integer), CAST(round(accuracy_m * 10) AS "
        "integer), CAST(round(speed_mps * 100) AS integer), CAST(round(heading_deg * 10) AS "
        "smallint), CAST(round(battery * 1000) AS smallint), CASE source WHEN 'wifi' THEN 1 WHEN "
        "'lbs' THEN 2 ELSE 0 END, CASE crs WHEN 'gcj02' THEN 1 WHEN 'bd09' THEN 2 ELSE 0 END, "
        "strap_open, worn FROM fix_before"
    )
    op.drop_table("fix_before")


def _tables_of_days() -> None:
    op.create_table(
        "packed_day",
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("edition", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("packed_at", MOMENT, nullable=False),
        sa.Column("fixes", sa.Integer(), nullable=False),
        sa.Column("codec", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", "edition", name=op.f("pk_packed_day")),
    )
    if _on_postgresql():  # what is packed already is not to be packed by the database again
        op.execute("ALTER TABLE packed_day ALTER COLUMN data SET STORAGE EXTERNAL")
    op.create_table(
        "state_snapshot",
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("time", MOMENT, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("zones", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_state_snapshot")),
    )


def _tables_of_notes() -> None:
    op.create_table(
        "replay_due",
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("marked_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_replay_due")),
    )
    op.create_table(
        "standing_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("xact", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=True),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("gateway_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_change")),
    )
    op.create_index(op.f("ix_standing_change_xact"), "standing_change", ["xact"])


def _tables_of_ingest() -> None:
    op.create_table(
        "ingest_minute",
        sa.Column("ingester", sa.String(length=64), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("minute", MOMENT, nullable=False),
        sa.Column("beat_at", MOMENT, nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("committed", sa.Integer(), nullable=False),
        sa.Column("committed_at", MOMENT, nullable=True),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("rejected", JSON, nullable=False),
        sa.Column("batches", sa.Integer(), nullable=False),
        sa.Column("commit_p50_ms", sa.Double(), nullable=True),
        sa.Column("commit_p99_ms", sa.Double(), nullable=True),
        sa.Column("lag_p50_ms", sa.Double(), nullable=True),
        sa.Column("lag_p99_ms", sa.Double(), nullable=True),
        sa.Column("queue_max", sa.Integer(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ingester", "started_at", "minute", name=op.f("pk_ingest_minute")),
    )
    op.create_index("ix_ingest_minute_minute", "ingest_minute", ["minute"])
    causes = ("ingest_down", "broker_away", "gateways_offline", "unknown")
    op.create_table(
        "outage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("cause", _words("outagecause", causes), nullable=False),
        sa.Column("bracelets", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outage")),
        sa.UniqueConstraint("since", name=op.f("uq_outage_since")),
    )


def _command_table() -> None:
    states = ("asked", "sent", "done", "refused", "expired")
    op.create_table(
        "device_command",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("state", _words("commandstate", states), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("heard_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_command_device_id_device")
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["user_account.id"], name=op.f("fk_device_command_asked_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_command")),
    )
    op.create_index(
        "ix_device_command_device_id_asked_at", "device_command", ["device_id", "asked_at"]
    )


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _protocols() -> None:
    spoken = _words("protocol", ("native", "owntracks", "traccar"))
    with op.batch_alter_table("device") as table:
        table.add_column(sa.Column("protocol", spoken, nullable=False, server_default="native"))
    with op.batch_alter_table("device") as table:
        table.alter_column("protocol", server_default=None)


def _shapes_of_zones() -> None:
    """Each geometry once; circles of before keep the polygon that they were stored as."""
    op.create_table(
        "zone_shape",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("geometry", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_shape")),
        sa.UniqueConstraint("digest", name=op.f("uq_zone_shape_digest")),
    )
    with op.batch_alter_table("zone") as table:
        table.add_column(sa.Column("shape_id", sa.Integer(), nullable=True))
        for name in ("lat", "lon", "radius_m"):
            table.add_column(sa.Column(name, sa.Double(), nullable=True))
    _move_geometries()
    with op.batch_alter_table("zone") as table:
        table.drop_column("geometry")
        table.create_foreign_key(
            op.f("fk_zone_shape_id_zone_shape"), "zone_shape", ["shape_id"], ["id"]
        )
        table.create_check_constraint(
            op.f("ck_zone_shape_or_circle"),
            "(shape_id IS NULL) = (lat IS NOT NULL AND lon IS NOT NULL AND radius_m IS NOT NULL)",
        )


def _move_geometries() -> None:
    bind = op.get_bind()
    zone = sa.table("zone", sa.column("id"), sa.column("geometry", JSON), sa.column("shape_id"))
    shape = sa.table(
        "zone_shape", sa.column("id"), sa.column("digest"), sa.column("geometry", JSON)
    )
    known: dict[bytes, int] = {}
    for row in bind.execute(sa.select(zone.c.id, zone.c.geometry)).all():
        digest = hashlib.sha256(json.dumps(row.geometry, sort_keys=True).encode()).digest()
        if digest not in known:
            known[digest] = len(known) + 1
            values = {"id": known[digest], "digest": digest, "geometry": row.geometry}
            bind.execute(sa.insert(shape).values(values))
        moved = sa.update(zone).where(zone.c.id == row.id).values(shape_id=known[digest])
        bind.execute(moved)
    if _on_postgresql() and known:
        op.execute("SELECT setval('zone_shape_id_seq', (SELECT max(id) FROM zone_shape))")


def downgrade() -> None:
    bind = op.get_bind()
    if bind.execute(sa.text("SELECT count(*) FROM packed_day")).scalar():
        msg = "0001 cannot read packed days: restore a backup of before instead"
        raise RuntimeError(msg)
    if _on_postgresql():
        for statement in no_partition_ddl():
            op.execute(statement)
    for noted in TABLES:
        if _on_postgresql():
            op.execute(f"DROP TRIGGER {noted}_notes ON {noted}")
            op.execute(f"DROP FUNCTION {noted}_note()")
        else:
            for verb in ("insert", "update", "delete"):
                op.execute(f"DROP TRIGGER {noted}_notes_{verb}")
    with op.batch_alter_table("zone_change") as table:
        table.drop_column("superseded_at")
        table.drop_column("recorded_at")
    with op.batch_alter_table("reject") as table:
        table.drop_column("times")
    if _on_postgresql():
        op.execute("ALTER TABLE device_state RESET (fillfactor)")
    with op.batch_alter_table("device_state") as table:
        table.drop_column("revision")
    _shapes_back()
    with op.batch_alter_table("device") as table:
        table.drop_constraint(op.f("ck_device_protocol"), type_="check")
        table.drop_column("protocol")
    op.drop_table("device_command")
    for name in (
        "outage",
        "ingest_minute",
        "standing_change",
        "replay_due",
        "state_snapshot",
        "packed_day",
    ):
        op.drop_table(name)
    _fixes_off_the_grid()


def _shapes_back() -> None:
    with op.batch_alter_table("zone") as table:
        table.drop_constraint(op.f("ck_zone_shape_or_circle"), type_="check")
        table.add_column(sa.Column("geometry", JSON, nullable=True))
    bind = op.get_bind()
    columns = ("id", "shape_id", "lat", "lon", "radius_m")
    zone = sa.table("zone", *map(sa.column, columns), sa.column("geometry", JSON))
    shape = sa.table("zone_shape", sa.column("id"), sa.column("geometry", JSON))
    shapes = {row.id: row.geometry for row in bind.execute(sa.select(shape))}
    for row in bind.execute(sa.select(zone)).all():
        geometry = shapes.get(row.shape_id) or _circle(row)
        bind.execute(sa.update(zone).where(zone.c.id == row.id).values(geometry=geometry))
    with op.batch_alter_table("zone") as table:
        table.drop_constraint(op.f("fk_zone_shape_id_zone_shape"), type_="foreignkey")
        for name in ("shape_id", "lat", "lon", "radius_m"):
            table.drop_column(name)
        table.alter_column("geometry", existing_type=JSON, nullable=False)
    op.drop_table("zone_shape")


def _circle(zone: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of three numbers
    """A circle as the polygon of 64 corners that 0001 would have stored."""
    east = METRES_A_DEGREE * cos(radians(zone.lat))
    turns = [2 * pi * number / CORNERS for number in (*range(CORNERS), 0)]
    ring = [
        [
            zone.lon + zone.radius_m * cos(turn) / east,
            zone.lat + zone.radius_m * sin(turn) / METRES_A_DEGREE,
        ]
        for turn in turns
    ]
    return {"type": "Polygon", "coordinates": [ring]}


def _fixes_off_the_grid() -> None:
    op.rename_table("fix", "fix_after")
    if _on_postgresql():
        op.execute("ALTER TABLE fix_after RENAME CONSTRAINT pk_fix TO pk_fix_after")
    op.create_table(
        "fix",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("time", MOMENT, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received", MOMENT, nullable=False),
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
    op.execute(
        "INSERT INTO fix SELECT device_id, time, seq, received, lat / 10000000.0, "
        "lon / 10000000.0, accuracy_m / 10.0, CASE source WHEN 1 THEN 'wifi' WHEN 2 THEN 'lbs' "
        "ELSE 'gnss' END, CASE crs WHEN 1 THEN 'gcj02' WHEN 2 THEN 'bd09' ELSE 'wgs84' END, "
        "speed_mps / 100.0, heading_deg / 10.0, battery / 1000.0, strap_open, worn FROM fix_after"
    )
    op.drop_table("fix_after")
