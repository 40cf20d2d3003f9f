"""Columns into PostgreSQL by binary COPY.

Fixes newer than the newest of their device are new, and go straight into the table, which costs
half of asking for each whether it is there. Others go to a temporary table and from there where no
such fix is. The binary form of COPY is a fixed pattern of rows that lack the same fields, so numpy
lays them out all at once.
"""

import struct
from collections.abc import Collection
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from correction_service.storage.fix_columns import (
    ABSENT,
    FIX,
    NEVER,
    OPTIONAL,
    STATE,
    YES_OR_NO,
    Columns,
    Kept,
    Opaque,
    StoredBefore,
)

EPOCH_MICROS = 946_684_800_000_000  # PostgreSQL counts from 2000
NULL = -1  # as the length of a field
NULLABLE = (*OPTIONAL, *YES_OR_NO)
MOMENTS = ("time", "received", "heard_at")
_PREPARED = "incoming tables"
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
_STATE = ", ".join(_STATE_NAMES)
_STATE_SAID = ", ".join(f"{_STATE_VALUES.get(it, it)} AS {it}" for it in _STATE_NAMES)
_NEW_STATE = f"SELECT {_STATE_SAID} FROM incoming_state"  # noqa: S608 - constants
_CHANGED = ", ".join(f"{name} = new.{name}" for name in _STATE_NAMES if name != "device_id")

_PREPARE = "; ".join(
    (_temporary("incoming_fix", FIX), _temporary("incoming_state", STATE, ", zones bytea"))
)
_KEEP_FIXES = (
    f"INSERT INTO fix ({_FIX_NAMES}) SELECT {_FIX_VALUES} FROM incoming_fix "  # noqa: S608 - constants
    "ON CONFLICT DO NOTHING RETURNING device_id"
)
_KEEP_STATES = (
    f"UPDATE device_state SET {_CHANGED} FROM ({_NEW_STATE}) AS new "  # noqa: S608 - constants
    "WHERE device_state.device_id = new.device_id AND device_state.revision = new.revision - 1"
)
_KEEP_FIRST_STATES = (
    f"INSERT INTO device_state ({_STATE}) {_NEW_STATE} WHERE revision = 0 ON CONFLICT DO NOTHING"
)


class PostgresqlWriter:
    """Writes columns within a session's transaction."""

    def keep_fixes(self, session: Session, fixes: Columns, late: Columns) -> Kept:
        """Store fixes; a late one that is there stays as it is, another is `StoredBefore`."""
        devices = list[int]()
        with _connection(session).cursor() as cursor:
            if len(fixes):
                try:
                    _copy(cursor, f"fix ({_FIX_NAMES})", _final(fixes))
                except psycopg.errors.UniqueViolation as known:
                    raise StoredBefore from known
            if len(late):
                _copy(cursor, "incoming_fix", _tuples(late))
                devices = [device_id for (device_id,) in cursor.execute(_KEEP_FIXES)]
        return Kept(len(fixes) + len(devices), devices)

    def keep_states(self, session: Session, states: Columns, zones: Opaque) -> int:
        """Store states over the revision before; how many were still of that revision."""
        with _connection(session).cursor() as cursor:
            _copy(cursor, "incoming_state", _tuples(states, tails=zones))
            kept = cursor.execute(_KEEP_STATES).rowcount
            if not states["revision"].all():
                kept += cursor.execute(_KEEP_FIRST_STATES).rowcount
            return kept


def _connection(session: Session) -> psycopg.Connection[Any]:
    """The driver's connection, with the temporary tables, which it keeps once it has committed."""
    ours = session.connection()
    connection = ours.connection.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101 - the driver of our addresses
    if not ours.info.get(_PREPARED):
        connection.execute(_PREPARE)
        ours.info[_PREPARED] = True
    return connection


@event.listens_for(Engine, "rollback")
@event.listens_for(Engine, "rollback_savepoint")
def _prepare_again(connection: Connection, *_savepoint: object) -> None:
    if not connection.invalidated:  # a lost connection has lost its tables, and its info
        connection.info.pop(_PREPARED, None)


def _copy(cursor: psycopg.Cursor[Any], table: str, rows: bytes) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.write(_HEADER + rows + _TRAILER)


def _final(fixes: Columns) -> bytes:
    """Rows as the table itself has them: what is absent is NULL, what is yes or no a boolean."""
    lacking = np.zeros(len(fixes), np.int64)
    for bit, name in enumerate(NULLABLE):
        lacking |= (fixes[name] == ABSENT).astype(np.int64) << bit
    return b"".join(
        _tuples(
            fixes.take(np.flatnonzero(lacking == alike)),
            final=True,
            lacking=[name for bit, name in enumerate(NULLABLE) if alike >> bit & 1],
        )
        for alike in np.unique(lacking).tolist()
    )


def _tuples(
    columns: Columns,
    *,
    tails: Opaque | None = None,
    final: bool = False,
    lacking: Collection[str] = (),
) -> bytes:
    """Rows in COPY's binary form: the number of fields, then each with its length before it."""
    names = columns.dtype.names or ()
    there = [name for name in names if name not in lacking]
    pattern: list[tuple[str, str]] = [("fields", ">i2")]
    for name in names:
        pattern.append((f"{name}_bytes", ">i4"))
        if name in there:
            kind = "u1" if final and name in YES_OR_NO else columns.dtype[name].str[1:]
            pattern.append((name, f">{kind}"))
    if tails is not None:
        pattern += [("tail_bytes", ">i4"), ("tail", tails.dtype.str)]
    rows = np.empty(len(columns), dtype=pattern)
    rows["fields"] = len(names) + (tails is not None)
    for name in names:
        rows[f"{name}_bytes"] = rows.dtype[name].itemsize if name in there else NULL
    for name in there:
        rows[name] = _since_2000(columns[name]) if name in MOMENTS else columns[name]
    if tails is not None:
        rows["tail_bytes"] = tails.dtype.itemsize
        rows["tail"] = tails
    return rows.tobytes()


def _since_2000(moments: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, Any]:
    return np.where(moments == NEVER, NEVER, moments - EPOCH_MICROS)  # NEVER is its -infinity
