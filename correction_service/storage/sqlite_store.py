"""Columns into SQLite: one prepared statement for all rows, no SQLAlchemy in between."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
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
)
from models.evidence import SOURCES

_FIX_NAMES = FIX.names or ()
_STATE_NAMES = (*(STATE.names or ()), "zones")


def _insert(table: str, names: Sequence[str]) -> str:
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT"  # noqa: S608 - constants


_KEEP_FIX = _insert("fix", _FIX_NAMES) + " DO NOTHING"
_CHANGED = ", ".join(f"{name} = excluded.{name}" for name in _STATE_NAMES if name != "device_id")
_KEEP_STATE = (
    _insert("device_state", _STATE_NAMES)
    + f" (device_id) DO UPDATE SET {_CHANGED} WHERE device_state.revision = excluded.revision - 1"
)


class SqliteWriter:
    """Writes columns within a session's transaction."""

    def keep_fixes(self, session: Session, fixes: Columns, late: Columns) -> Kept:
        """Store fixes; one that is there stays as it is."""
        new = _many(session, _KEEP_FIX, _fix_rows(fixes))
        connection = session.connection()
        devices = [
            row[0]
            for row in _fix_rows(late)
            if connection.exec_driver_sql(_KEEP_FIX, row).rowcount == 1
        ]
        return Kept(new + len(devices), devices)

    def keep_states(self, session: Session, states: Columns, zones: Opaque) -> int:
        """Store states over the revision before; how many were still of that revision."""
        columns = [_state_values(name, states[name]) for name in STATE.names or ()]
        return _many(session, _KEEP_STATE, list(zip(*columns, zones.tolist(), strict=True)))


def _many(session: Session, statement: str, rows: list[tuple[Any, ...]]) -> int:
    if not rows:
        return 0
    return session.connection().exec_driver_sql(statement, rows).rowcount


def _fix_rows(fixes: Columns) -> list[tuple[Any, ...]]:
    return list(zip(*(_fix_values(name, fixes[name]) for name in _FIX_NAMES), strict=True))


def _fix_values(name: str, column: npt.NDArray[Any]) -> Iterable[Any]:
    if name in {"time", "received"}:
        return _moments(column)
    absent = name in OPTIONAL or name in YES_OR_NO
    return _unless(column, column == ABSENT) if absent else column.tolist()


def _state_values(name: str, column: npt.NDArray[Any]) -> Iterable[Any]:
    if name in {"time", "heard_at"}:
        return _moments(column)
    if name == "source":
        return [None if place == ABSENT else SOURCES[place] for place in column.tolist()]
    if column.dtype.kind == "f":
        return _unless(column, np.isnan(column))
    return _unless(column, column == ABSENT) if name == "strap_open" else column.tolist()


def _unless(column: npt.NDArray[Any], absent: npt.NDArray[np.bool_]) -> list[Any]:
    values: list[Any] = column.tolist()
    for at in np.flatnonzero(absent):
        values[at] = None
    return values


def _moments(micros: npt.NDArray[np.int64]) -> list[str | None]:
    """Text as SQLAlchemy writes it."""
    written = np.datetime_as_string(np.where(micros == NEVER, 0, micros).view("M8[us]")).tolist()
    return [
        None if at == NEVER else f"{text[:10]} {text[11:]}"
        for at, text in zip(micros.tolist(), written, strict=True)
    ]
