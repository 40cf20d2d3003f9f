"""Fixes of days gone by: read alike whether they are hot, closed or packed, by columns.

A day moves from `fix` over `fix_closed` (PostgreSQL) into `packed_day`; reading goes the same way,
so that what moves meanwhile is seen twice and never missed, and counts once.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import psycopg
from psycopg import sql
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.fix import PackedDay
from models.packing import NAMES, NULL, Columns, Numbers, PackingError, nothing, united, unpack

HOT = "fix"
CLOSED = "fix_closed"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_DAY = timedelta(days=1)

_KEY = ("device_id", *NAMES)
_PG_EPOCH_US = (datetime(2000, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_COPY_HEAD, _COPY_TAIL = 19, 2  # bytes before the first row and after the last
_COPY_ROW = np.dtype([("fields", ">i2"), ("values", [("bytes", ">i4"), ("it", ">i8")], len(_KEY))])
_ABSENT = sql.SQL("coalesce({}::int::bigint, '-9223372036854775808')")
_PRESENT = sql.SQL("{}::bigint")
_PACKED = ("device_id", "day", "edition", "codec", "digest", "data")
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


def microseconds(moment: datetime) -> int:
    """The moment as columns count it."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """The moment that columns count so."""
    return EPOCH + timedelta(microseconds=microseconds)


def midnight(day: date) -> datetime:
    """When a UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def fixes(session: Session, device_id: int, since: datetime, until: datetime) -> Columns:
    """A device's fixes in [since, until), ordered by (time, seq), each identity once.

    The columns are those of `models.packing`: microseconds and steps, not floats.
    `HistoryBroken` where a packed day cannot be read.
    """
    if until <= since:
        return nothing()
    hot = [unpacked(session, table, [device_id], since, until) for table in tables(session)]
    first, last = since.astimezone(UTC).date(), (until - timedelta(microseconds=1)).astimezone(UTC)
    days = [it.columns for it in packed(session, [device_id], first, last.date())]
    parts = [_within(columns, microseconds(since), microseconds(until)) for columns in days]
    return united([nothing(), *parts, *(it[device_id] for it in hot if device_id in it)])


def tables(session: Session) -> tuple[str, ...]:
    """Where fixes lie that are not packed, in the order in which they move."""
    return (HOT, CLOSED) if _on_postgresql(session) else (HOT,)


def unpacked(
    session: Session, table: str, device_ids: Sequence[int], since: datetime, until: datetime
) -> dict[int, Columns]:
    """What `table`, HOT or CLOSED, has of these devices in [since, until), by device, sorted."""
    read = _copied if _on_postgresql(session) else _selected
    rows = read(session, table, device_ids, since, until)
    order = np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))
    rows = rows[order]
    found, starts = np.unique(rows[:, 0], return_index=True)
    parts = np.split(rows[:, 1:], starts[1:]) if len(found) else []
    return {
        device_id: {name: part[:, place] for place, name in enumerate(NAMES)}
        for device_id, part in zip(found.tolist(), parts, strict=True)
    }


def packed(
    session: Session, device_ids: Sequence[int], first: date, last: date
) -> Iterator[Edition]:
    """The latest editions of these devices' days from `first` to `last`, by device and day."""
    later = aliased(PackedDay)
    newest = (
        select(func.max(later.edition))
        .where(later.device_id == PackedDay.device_id, later.day == PackedDay.day)
        .scalar_subquery()
    )
    query = (
        select(*(getattr(PackedDay, name) for name in _PACKED))
        .where(PackedDay.device_id.in_(device_ids), PackedDay.day.between(first, last))
        .where(PackedDay.edition == newest)
        .order_by(PackedDay.device_id, PackedDay.day)
    )
    for row in session.execute(query):
        yield Edition(row.device_id, row.day, row.edition, _opened(row))


def _opened(row: Any) -> Columns:  # noqa: ANN401 - a row of `packed`
    try:
        if hashlib.sha256(row.data).digest() != row.digest:
            raise PackingError("its digest is another")  # noqa: TRY301 - all faults end alike
        return unpack(row.codec, row.data)
    except PackingError as error:
        said = "The packed fixes of device %(device)s on %(day)s cannot be read: restore them."
        raise HistoryBroken(said, device=row.device_id, day=row.day.isoformat()) from error


def _within(columns: Columns, since: int, until: int) -> Columns:
    inside = (columns["time"] >= since) & (columns["time"] < until)
    return {name: column[inside] for name, column in columns.items()}


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _copied(
    session: Session, table: str, device_ids: Sequence[int], since: datetime, until: datetime
) -> Numbers:
    """Rows by binary COPY, which is 64-bit numbers at fixed places: no Python object a value."""
    required = sql.SQL("device_id::bigint, time, seq, received, lat::bigint, lon::bigint, ")
    rest = sql.SQL(", ").join(_ABSENT.format(sql.Identifier(name)) for name in NAMES[5:])
    statement = sql.SQL(
        "COPY (SELECT {columns} FROM {table} WHERE device_id = ANY({devices}::int[]) "
        "AND time >= {since} AND time < {until}) TO STDOUT (FORMAT BINARY)"
    ).format(
        columns=required + rest,
        table=sql.Identifier(table),
        devices=list(device_ids),
        since=since,
        until=until,
    )
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - what the dialect is made of
    with driver.cursor().copy(statement) as copy:
        data = b"".join(copy)
    rows = np.frombuffer(data[_COPY_HEAD:-_COPY_TAIL], _COPY_ROW)
    values: Numbers = rows["values"]["it"].astype(np.int64)
    values[:, [1, 3]] += _PG_EPOCH_US
    return values


def _selected(
    session: Session, table: str, device_ids: Sequence[int], since: datetime, until: datetime
) -> Numbers:
    marks = ", ".join("?" * len(device_ids))
    when = [_MICROSECONDS.format(name) for name in ("time", "received")]
    rest = ", ".join(f"coalesce({name}, {NULL})" for name in NAMES[5:])
    statement = (
        f"SELECT device_id, {when[0]}, seq, {when[1]}, lat, lon, {rest} FROM {table} "  # noqa: S608 - our own names
        f"WHERE device_id IN ({marks}) AND time >= ? AND time < ?"
    )
    span = [f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" for moment in (since, until)]
    rows = session.connection().exec_driver_sql(statement, (*device_ids, *span)).all()
    values = np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * len(_KEY))
    return values.reshape(len(rows), len(_KEY))
