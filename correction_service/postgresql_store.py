"""Columns into PostgreSQL: binary COPY to a temporary table, then one INSERT … ON CONFLICT.

The binary form of COPY is a fixed pattern while no field is NULL, so numpy lays out all rows at
once: what is absent travels as a value that no field has, and becomes NULL on the way on.
"""

import struct
from typing import Any

import numpy as np
import psycopg
from sqlalchemy.orm import Session

from correction_service.fix_columns import (
    ABSENT,
    FIX,
    NEVER,
    OPTIONAL,
    STATE,
    YES_OR_NO,
    Columns,
    Kept,
    Opaque,
)

EPOCH_MICROS = 946_684_800_000_000  # PostgreSQL counts from 2000
MOMENTS = ("time", "received", "heard_at")
_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = b"\xff\xff"
_TYPES = {"i2": "smallint", "i4": "integer", "i8": "bigint", "f8": "double precision"}


def _type(name: str, kind: np.dtype[Any]) -> str:
    return "timestamptz" if name in MOMENTS else _TYPES[kind.str[1:]]


def _temporary(table: str, columns: np.dtype[Any], more: str = "") -> str:
    fields = ", ".join(f"{name} {_type(name, columns[name])}" for name in columns.names or ())
    return f"CREATE TEMP TABLE IF NOT EXISTS {table} ({fields}{more}) ON COMMIT DELETE ROWS"


def _value(name: str) -> str:
    if name in YES_OR_NO:
        return f"CASE {name} WHEN 1 THEN true WHEN 0 THEN false END"
    return f"nullif({name}, {ABSENT})" if name in OPTIONAL else name


_FIX_NAMES = ", ".join(FIX.names or ())
_FIX_VALUES = ", ".join(map(_value, FIX.names or ()))
_STATE_VALUES = {
    "time": "nullif(time, '-infinity')",
    "source": "(ARRAY['gnss', 'wifi', 'lbs'])[source + 1]",
    "strap_open": _value("strap_open"),
    **{name: f"nullif({name}, 'NaN')" for name in ("lat", "lon", "accuracy_m", "battery")},
}
_STATE_NAMES = (*(STATE.names or ()), "zones")
_CHANGED = ", ".join(f"{name} = excluded.{name}" for name in _STATE_NAMES if name != "device_id")

# NOTICEs of tables that exist already would only cost.
_PREPARE = "; ".join(
    (
        "SET LOCAL client_min_messages = warning",
        _temporary("incoming_fix", FIX),
        _temporary("incoming_late_fix", FIX),
        _temporary("incoming_state", STATE, ", zones bytea"),
    )
)
_KEEP = "INSERT INTO fix ({names}) SELECT {values} FROM {table} ON CONFLICT DO NOTHING"
_KEEP_FIXES = _KEEP.format(names=_FIX_NAMES, values=_FIX_VALUES, table="incoming_fix")
_KEEP_LATE = _KEEP.format(names=_FIX_NAMES, values=_FIX_VALUES, table="incoming_late_fix")
_KEEP_STATES = (
    f"INSERT INTO device_state ({', '.join(_STATE_NAMES)}) "  # noqa: S608 - constants
    f"SELECT {', '.join(_STATE_VALUES.get(name, name) for name in _STATE_NAMES)} "
    f"FROM incoming_state ON CONFLICT (device_id) DO UPDATE SET {_CHANGED} "
    "WHERE device_state.revision = excluded.revision - 1"
)


class PostgresqlWriter:
    """Writes columns within a session's transaction."""

    def keep_fixes(self, session: Session, fixes: Columns, late: Columns) -> Kept:
        """Store fixes; one that is there stays as it is."""
        new, devices = 0, list[int]()
        with _connection(session).cursor() as cursor:
            cursor.execute(_PREPARE)
            if len(fixes):
                _copy(cursor, "incoming_fix", _tuples(fixes))
                new = cursor.execute(_KEEP_FIXES).rowcount
            if len(late):
                _copy(cursor, "incoming_late_fix", _tuples(late))
                cursor.execute(_KEEP_LATE + " RETURNING device_id")
                devices = [device_id for (device_id,) in cursor]
        return Kept(new + len(devices), devices)

    def keep_states(self, session: Session, states: Columns, zones: Opaque) -> int:
        """Store states over the revision before; how many were still of that revision."""
        with _connection(session).cursor() as cursor:
            cursor.execute(_PREPARE)
            _copy(cursor, "incoming_state", _tuples(states, zones))
            cursor.execute(_KEEP_STATES)
            return cursor.rowcount


def _connection(session: Session) -> psycopg.Connection[Any]:
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101 - the driver of our addresses
    return connection


def _copy(cursor: psycopg.Cursor[Any], table: str, rows: bytes) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.write(_HEADER + rows + _TRAILER)


def _tuples(columns: Columns, tails: Opaque | None = None) -> bytes:
    """Rows in COPY's binary form: the number of fields, then each with its length before it."""
    names = columns.dtype.names or ()
    pattern: list[tuple[str, str]] = [("fields", ">i2")]
    for name in names:
        pattern += [(f"{name}_bytes", ">i4"), (name, columns.dtype[name].newbyteorder(">").str)]
    if tails is not None:
        pattern += [("tail_bytes", ">i4"), ("tail", tails.dtype.str)]
    rows = np.empty(len(columns), dtype=pattern)
    rows["fields"] = len(names) + (tails is not None)
    for name in names:
        rows[f"{name}_bytes"] = columns.dtype[name].itemsize
        rows[name] = _since_2000(columns[name]) if name in MOMENTS else columns[name]
    if tails is not None:
        rows["tail_bytes"] = tails.dtype.itemsize
        rows["tail"] = tails
    return rows.tobytes()


def _since_2000(moments: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, Any]:
    return np.where(moments == NEVER, NEVER, moments - EPOCH_MICROS)  # NEVER is its -infinity
