"""Fixes of days gone by: read alike whether they are hot, closed or packed, by columns.

A day moves from `fix` over `fix_closed` (PostgreSQL) into `packed_day`; reading goes the same way,
so that what moves meanwhile is seen twice and never missed, and counts once.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, cast

import numpy as np
import psycopg
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.fix import PackedDay
from models.grid import EPOCH, micros
from models.packing import NAMES, NULL, Columns, Numbers, PackingError, nothing, united, unpack

HOT = "fix"
CLOSED = "fix_closed"
ONE_DAY = timedelta(days=1)

_PG_EPOCH_US = micros(datetime(2000, 1, 1, tzinfo=UTC))
_MOMENTS = frozenset({"time", "received"})
_ALWAYS = frozenset(NAMES[:5])
_ARRAY_HEAD = 20  # bytes of an array's dimensions, before its elements
_ELEMENT = np.dtype([("bytes", ">i4"), ("it", ">i8")])
_PACKED = ("device_id", "day", "edition", "codec", "digest", "data")
_LATER = aliased(PackedDay)
_NEWEST = (
    select(func.max(_LATER.edition))
    .where(_LATER.device_id == PackedDay.device_id, _LATER.day == PackedDay.day)
    .scalar_subquery()
)
_EDITIONS = (  # built once: building it takes as long as a day takes to read
    select(*(getattr(PackedDay, name) for name in _PACKED))
    .where(PackedDay.device_id.in_(bindparam("devices", expanding=True)))
    .where(PackedDay.day.between(bindparam("first"), bindparam("last")))
    .where(PackedDay.edition == _NEWEST)
    .order_by(PackedDay.device_id, PackedDay.day)
)
_MICROSECONDS = "strftime('%s', {0}) * 1000000 + substr({0}, 21)"


class HistoryBroken(Refused):
    """A packed day is not what was written: it must come back from a backup."""

    code = "history_broken"


class Edition(NamedTuple):
    """One device's packed day, unpacked."""

    device_id: int
    day: date
    edition: int
    columns: Columns


def moments(column: Numbers) -> list[datetime]:
    """The moments that a column of microseconds stands for."""
    return [EPOCH + after for after in column.astype("m8[us]").tolist()]


def midnight(day: date) -> datetime:
    """When a UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def fixes(
    session: Session,
    device_id: int,
    since: datetime,
    until: datetime,
    *,
    names: Sequence[str] = NAMES,
) -> Columns:
    """A device's fixes in [since, until), ordered by (time, seq), each identity once.

    The columns are those of `models.packing`: microseconds and steps, not floats. Fewer `names`
    are read faster; `time` and `seq` are always among them.
    `HistoryBroken` where a packed day cannot be read.
    """
    return fixes_of(session, [device_id], since, until, names=names).get(device_id, nothing())


def fixes_of(
    session: Session,
    device_ids: Sequence[int],
    since: datetime,
    until: datetime,
    *,
    names: Sequence[str] = NAMES,
) -> dict[int, Columns]:
    """The same of many devices, by device: of those that have any."""
    if until <= since or not device_ids:
        return {}
    parts: dict[int, list[Columns]] = {}
    for table in tables(session):
        found = unpacked(session, table, device_ids, since, until, names=names)
        for device_id, columns in found.items():
            parts.setdefault(device_id, []).append(columns)
    first, last = since.astimezone(UTC).date(), (until - timedelta(microseconds=1)).astimezone(UTC)
    for it in packed(session, device_ids, first, last.date()):
        within = _within(it.columns, micros(since), micros(until), names)
        parts.setdefault(it.device_id, []).append(within)
    return {
        device_id: united(columns) if len(columns) > 1 else columns[0]
        for device_id, columns in parts.items()
    }


def tables(session: Session) -> tuple[str, ...]:
    """Where fixes lie that are not packed, in the order in which they move."""
    return (HOT, CLOSED) if _on_postgresql(session) else (HOT,)


def unpacked(
    session: Session,
    table: str,
    device_ids: Sequence[int],
    since: datetime,
    until: datetime,
    *,
    names: Sequence[str] = NAMES,
) -> dict[int, Columns]:
    """What `table`, HOT or CLOSED, has of these devices in [since, until), by device, sorted."""
    read = _gathered if _on_postgresql(session) else _selected
    given = {"devices": list(device_ids), "since": since, "until": until}
    return {
        device_id: united([dict(zip(names, columns, strict=True))])
        for device_id, columns in read(session, table, tuple(names), given)
    }


def packed(
    session: Session, device_ids: Sequence[int], first: date, last: date
) -> Iterator[Edition]:
    """The latest editions of these devices' days from `first` to `last`, by device and day."""
    given = {"devices": list(device_ids), "first": first, "last": last}
    for row in session.execute(_EDITIONS, given):
        yield Edition(row.device_id, row.day, row.edition, _opened(row))


def _opened(row: Any) -> Columns:  # noqa: ANN401 - a row of `packed`
    try:
        if hashlib.sha256(row.data).digest() != row.digest:
            raise PackingError("its digest is another")  # noqa: TRY301 - all faults end alike
        return unpack(row.codec, row.data)
    except PackingError as error:
        said = "The packed fixes of device %(device)s on %(day)s cannot be read: restore them."
        raise HistoryBroken(said, device=row.device_id, day=row.day.isoformat()) from error


def _within(columns: Columns, since: int, until: int, names: Sequence[str]) -> Columns:
    inside = (columns["time"] >= since) & (columns["time"] < until)
    return {name: columns[name][inside] for name in names}


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _gathered(
    session: Session, table: str, names: tuple[str, ...], given: dict[str, Any]
) -> Iterator[tuple[int, list[Numbers]]]:
    """A row a device with an array a column, as bytes: no Python object a value, no hex digits."""
    driver = cast("psycopg.Connection", session.connection().connection.driver_connection)
    for device_id, *arrays in driver.cursor(binary=True).execute(_arrays(table, names), given):
        yield (
            device_id,
            [_column(name, array) for name, array in zip(names, arrays, strict=True)],
        )


def _column(name: str, array: bytes) -> Numbers:
    values = np.frombuffer(array, _ELEMENT, offset=_ARRAY_HEAD)["it"].astype(np.int64)
    return values + _PG_EPOCH_US if name in _MOMENTS else values


@cache
def _arrays(table: str, names: tuple[str, ...]) -> bytes:
    gathered = ", ".join(f"array_send(array_agg({_gathered_value(name)}))" for name in names)
    return (
        f"SELECT device_id, {gathered} FROM {table} WHERE device_id = ANY(%(devices)s) "  # noqa: S608 - our own names
        "AND time >= %(since)s AND time < %(until)s GROUP BY device_id"
    ).encode()


def _gathered_value(name: str) -> str:
    if name in _MOMENTS or name == "seq":
        return name
    whole = f"CAST(CAST({name} AS int) AS bigint)"
    return whole if name in _ALWAYS else f"coalesce({whole}, {NULL})"


def _selected(
    session: Session, table: str, names: tuple[str, ...], given: dict[str, Any]
) -> Iterator[tuple[int, list[Numbers]]]:
    wanted = ", ".join(map(_selected_value, names))
    statement = f"SELECT {wanted} FROM {table} WHERE device_id = ? AND time >= ? AND time < ?"  # noqa: S608 - our own names
    span = [f"{given[it].astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" for it in ("since", "until")]
    for device_id in given["devices"]:
        rows = session.connection().exec_driver_sql(statement, (device_id, *span)).all()
        if rows:
            values = np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * len(names))
            yield device_id, list(values.reshape(len(rows), len(names)).T)


def _selected_value(name: str) -> str:
    if name in _MOMENTS:
        return _MICROSECONDS.format(name)
    return name if name in _ALWAYS else f"coalesce({name}, {NULL})"
