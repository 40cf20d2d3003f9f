"""What the order gate and the zones depend on has changed: notes that triggers leave for ingest.

Ingest keeps whose bracelet is under which order in memory, and reads these notes in each of its
transactions before it judges a fix, so that an order lifted a second ago stops the next one
(LCC 29). Triggers write them, so no way of changing a row passes by unseen.
"""

from collections.abc import Iterator

from sqlalchemy import BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class StandingChange(Base):
    """A device, a case or a gateway of which something changed."""

    __tablename__ = "standing_change"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    xact: Mapped[int] = mapped_column(
        BigInteger, index=True, doc="PostgreSQL's transaction: ids commit out of order; else 0"
    )
    device_id: Mapped[int | None]
    case_id: Mapped[int | None]
    gateway_id: Mapped[int | None]


_NOTES = {  # table: (whose id a note takes, as what, which columns matter)
    "gateway": ("id", "gateway_id", "name, active"),
    "device": ("id", "device_id", "name, gateway_id, protocol"),
    "binding": ("device_id", "device_id", "device_id, case_id, bound_at, unbound_at"),
    "positioning_order": ("case_id", "case_id", "case_id, starts_at, ends_at, lifted_at"),
    "supervised_case": ("id", "case_id", "state, state_since"),
    "zone": (
        "case_id",
        "case_id",
        "case_id, kind, shape_id, lat, lon, radius_m, margin_m, hours, valid_from, valid_to",
    ),
}
TABLES = tuple(_NOTES)

_SQLITE = """
CREATE TRIGGER {table}_notes_{verb} AFTER {when} ON {table} BEGIN
INSERT INTO standing_change (xact, {note}) VALUES (0, {row}.{key}); END
"""
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION {table}_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$ BEGIN
INSERT INTO standing_change (xact, {note})
VALUES (pg_current_xact_id()::text::bigint, coalesce(NEW.{key}, OLD.{key}));
RETURN NULL; END $$
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_notes AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_note()
"""


def standing_ddl(dialect: str) -> Iterator[str]:
    """Statements that make the triggers; on PostgreSQL a writer needs no right on the notes."""
    for table, (key, note, columns) in _NOTES.items():
        said = {"table": table, "key": key, "note": note, "columns": columns}
        if dialect == "sqlite":
            yield _SQLITE.format(**said, verb="insert", when="INSERT", row="NEW")
            yield _SQLITE.format(**said, verb="update", when=f"UPDATE OF {columns}", row="NEW")
            yield _SQLITE.format(**said, verb="delete", when="DELETE", row="OLD")
        else:
            yield _POSTGRESQL_FUNCTION.format(**said)
            yield _POSTGRESQL_TRIGGER.format(**said)
