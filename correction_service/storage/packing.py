"""Pack the days that are over: read, pack, write, read back, and only then let go of the rows.

Every transaction may be the last before a kill: a device's day is either still in its rows or in an
edition that was read back and found equal. A late fix makes another edition, which is the one
before and the fix; the earlier edition stays until retention.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import structlog
from sqlalchemy import CursorResult, delete, insert, select, text
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM, noted
from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.storage import history, partitions
from correction_service.storage.history import HOT, HistoryBroken, midnight
from models.fix import Fix, PackedDay
from models.grid import micros
from models.packing import CODEC, NAMES, Columns, PackingError, nothing, pack, united

AT_ONCE = 16  # devices in one transaction: ~23,000 fixes at one a minute
PROGRESS_EVERY = 4_000  # devices

# Rows that no partition holds; in a partitioned database few, and read as a whole.
_LOOSE = {
    "postgresql": "SELECT DISTINCT CAST(time AT TIME ZONE 'UTC' AS date) AS day, device_id "
    "FROM fix_default WHERE time < :until",
    "sqlite": "SELECT DISTINCT date(time) AS day, device_id FROM fix WHERE time < :until",
}
# One probe of the key a device, instead of reading all that it said.
_DEVICES_CLOSED = text("""
WITH RECURSIVE worn(device) AS (
    SELECT min(device_id) FROM fix_closed WHERE time >= :since AND time < :until
    UNION ALL
    SELECT (SELECT min(device_id) FROM fix_closed
        WHERE time >= :since AND time < :until AND device_id > worn.device)
    FROM worn WHERE worn.device IS NOT NULL)
SELECT device FROM worn WHERE device IS NOT NULL
""")

log = structlog.get_logger()


class LateFix(Exception):
    """A fix came into a day while it was being packed; the next turn packs it too."""


@dataclass(slots=True)
class Packed:
    """What a run did; `left` are the devices and days that wait for the next one."""

    editions: int = 0
    fixes: int = 0
    packed_bytes: int = 0
    dropped: list[date] = field(default_factory=list)
    left: list[tuple[int, date]] = field(default_factory=list)


class _Whole(NamedTuple):
    """A device's day put together. `edition` is the one to write, None where nothing is new."""

    edition: int | None
    columns: Columns
    hot: int  # rows of HOT among them, to be let go


def run(database: Database, settings: Settings, now: datetime) -> Packed:
    """Pack the days that ended `pack_after_hours` ago or earlier, oldest first."""
    last = (now - timedelta(hours=settings.pack_after_hours)).date() - timedelta(days=1)
    packed = Packed()
    _close(database, last)
    with database.reading() as session:
        loose = _loose(session, last)
        closed = [day for day in partitions.closed(session) if day <= last]
    for day in sorted({*loose, *closed}):
        devices = loose.get(day, set())
        if day in closed:
            with database.reading() as session:
                devices |= _devices_closed(session, day)
        _pack_day(database, day, sorted(devices), now, packed)
        if day in closed and day not in {left for _, left in packed.left}:
            _drop(database, day, packed)
    return packed


def _close(database: Database, last: date) -> None:
    with database.reading() as session:
        over = [day for day in partitions.taking(session) if day <= last]
    for day in over:
        if not partitions.patiently(database, partial(partitions.close, day=day)):
            log.warning("partition_busy", day=day.isoformat())


def _drop(database: Database, day: date, packed: Packed) -> None:
    if partitions.patiently(database, partial(partitions.drop, day=day)):
        packed.dropped.append(day)
    else:
        log.warning("partition_busy", day=day.isoformat())


def _loose(session: Session, last: date) -> dict[date, set[int]]:
    kind = session.get_bind().dialect.name
    until = midnight(last + timedelta(days=1))
    found: dict[date, set[int]] = {}
    bound = f"{until:%Y-%m-%d}" if kind == "sqlite" else until
    for day, device_id in session.execute(text(_LOOSE[kind]), {"until": bound}):
        on = date.fromisoformat(day) if isinstance(day, str) else day
        found.setdefault(on, set()).add(device_id)
    return found


def _devices_closed(session: Session, day: date) -> set[int]:
    span = {"since": midnight(day), "until": midnight(day + timedelta(days=1))}
    return set(session.scalars(_DEVICES_CLOSED, span))


def _pack_day(
    database: Database, day: date, devices: Sequence[int], now: datetime, packed: Packed
) -> None:
    for first in range(0, len(devices), AT_ONCE):
        _pack(database, day, devices[first : first + AT_ONCE], now, packed)
        done = first + AT_ONCE
        if done >= len(devices) or done % PROGRESS_EVERY == 0:
            counts = {"done": min(done, len(devices)), "of": len(devices)}
            log.info("packing", day=day.isoformat(), **counts, left=len(packed.left))


def _pack(
    database: Database, day: date, devices: Sequence[int], now: datetime, packed: Packed
) -> None:
    """Pack some devices; where it fails, halves, down to the device at fault, which is left."""
    try:
        with database.reading() as session:
            wholes = _read(session, day, devices)
        rows = [_row(it, day, whole, now) for it, whole in wholes.items() if whole.edition]
        with database.transaction(SYSTEM, "pack") as session:
            _write(session, rows)
            _compare(session, day, wholes)
            _let_go(session, day, wholes)
    except (LateFix, HistoryBroken, PackingError) as error:
        if len(devices) > 1:
            middle = len(devices) // 2
            for half in (devices[:middle], devices[middle:]):
                _pack(database, day, half, now, packed)
            return
        packed.left.append((devices[0], day))
        fault = type(error).__name__
        log.warning("not_packed", device=devices[0], day=day.isoformat(), fault=fault)
    else:
        packed.editions += len(rows)
        packed.fixes += sum(row["fixes"] for row in rows)
        packed.packed_bytes += sum(len(row["data"]) for row in rows)


def _read(session: Session, day: date, devices: Sequence[int]) -> dict[int, _Whole]:
    since, until = midnight(day), midnight(day + timedelta(days=1))
    lying = {
        table: history.unpacked(session, table, devices, since, until)
        for table in history.tables(session)
    }
    editions = {it.device_id: it for it in history.packed(session, devices, day, day)}
    wholes = {}
    for device_id in devices:
        edition = editions.get(device_id)
        before = edition.columns if edition else nothing()
        rows = {table: lying[table].get(device_id, nothing()) for table in lying}
        whole = united([before, *rows.values()])
        new = len(whole["time"]) > len(before["time"])
        number = (edition.edition if edition else 0) + 1
        if len(whole["time"]):
            wholes[device_id] = _Whole(number if new else None, whole, len(rows[HOT]["time"]))
    return wholes


def _row(device_id: int, day: date, whole: _Whole, now: datetime) -> dict[str, Any]:
    data = pack(whole.columns)
    return {
        "device_id": device_id,
        "day": day,
        "edition": whole.edition,
        "packed_at": now,
        "fixes": len(whole.columns["time"]),
        "codec": CODEC,
        "digest": hashlib.sha256(data).digest(),
        "data": data,
    }


def _write(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the editions, and to the log the digest of each."""
    if rows:
        session.execute(insert(PackedDay), rows)
    identities = {f"{row['device_id']}/{row['day']}/{row['edition']}": row for row in rows}
    details = {
        subject: {"fixes": row["fixes"], "sha256": row["digest"].hex()}
        for subject, row in identities.items()
    }
    noted(session, "packed", "packed_day", details)


def take_out(
    session: Session, device_id: int, since: datetime, until: datetime, now: datetime
) -> list[bytes]:
    """Take a device's fixes of [since, until) out of its packed days; the digests that went.

    Every edition of such a day goes; what is of other hours stays, as one more edition.
    """
    first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    went: list[bytes] = []
    for it in list(history.packed(session, [device_id], first, last)):
        inside = (it.columns["time"] >= micros(since)) & (it.columns["time"] < micros(until))
        if not inside.any():
            continue
        whole = (PackedDay.device_id == device_id, PackedDay.day == it.day)
        went += session.scalars(select(PackedDay.digest).where(*whole)).all()
        session.execute(delete(PackedDay).where(*whole))
        if not inside.all():
            rest = {name: column[~inside] for name, column in it.columns.items()}
            _write(session, [_row(device_id, it.day, _Whole(it.edition + 1, rest, 0), now)])
    return went


def _compare(session: Session, day: date, wholes: Mapping[int, _Whole]) -> None:
    """Read back what is written now; `PackingError` where it is not what was read before."""
    kept = {it.device_id: it for it in history.packed(session, list(wholes), day, day)}
    for device_id, whole in wholes.items():
        found = kept[device_id].columns
        if not all(np.array_equal(found[name], whole.columns[name]) for name in NAMES):
            raise PackingError("what was written does not read as what was packed")


def _let_go(session: Session, day: date, wholes: Mapping[int, _Whole]) -> None:
    """Delete the rows that were read; `LateFix` where there are others by now."""
    since, until = midnight(day), midnight(day + timedelta(days=1))
    for device_id, whole in wholes.items():
        if whole.hot:
            its = (Fix.device_id == device_id, Fix.time >= since, Fix.time < until)
            gone = session.execute(delete(Fix).where(*its))
            assert isinstance(gone, CursorResult)  # noqa: S101 - what a DELETE gives
            if gone.rowcount != whole.hot:
                raise LateFix
