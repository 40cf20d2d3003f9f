"""Put telemetry into its tables: columns in, as few statements as the database can do with.

A batch is an array of FIX and one of STATE (`fix_columns`); no object is made for a fix. Each
database has a writer of its own; what is rare goes through plain Core.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Table, func, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from correction_service.storage.fix_columns import Columns, Kept, Opaque
from correction_service.storage.postgresql_store import PostgresqlWriter
from correction_service.storage.sqlite_store import SqliteWriter
from models.base import Base
from models.device import ReplayDue, StateSnapshot
from models.fix import DeviceEvent, Reject
from models.zone import ZoneChange

Row = dict[str, Any]
KEPT_ONE_BY_ONE = 10  # refusals of one kind in one batch; the others are counted


class Writer(Protocol):
    """Stores columns within the session's transaction."""

    def keep_fixes(self, session: Session, fixes: Columns, late: Columns) -> Kept:
        """Store FIX columns, of which the first are newer than all before of their devices.

        A late one that is there stays as it is; of the others the writer may raise `StoredBefore`.
        """

    def keep_states(self, session: Session, states: Columns, zones: Opaque) -> int:
        """Store STATE columns; how many stood at the revision before, and only they changed."""


def writer_of(session: Session) -> Writer:
    """The writer for the session's database."""
    return SqliteWriter() if _on_sqlite(session) else PostgresqlWriter()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not stored, and why; of the payload only its digest is kept."""

    received: datetime
    gateway: str | None
    device: str | None
    seq: int | None
    reason: str
    payload: bytes


def _on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _table(kind: type[Base]) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)  # noqa: S101 - our tables are tables
    return table


def _upsert(session: Session, kind: type[Base]) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT of the session's own database, which can say what a conflict does."""
    insert_of = sqlite.insert if _on_sqlite(session) else postgresql.insert
    return insert_of(_table(kind))


def keep_events(session: Session, rows: Sequence[Row]) -> set[tuple[int, datetime, int]]:
    """Store events; the identities of those that are new."""
    if not rows:
        return set()
    identity = (DeviceEvent.device_id, DeviceEvent.time, DeviceEvent.seq)
    statement = _upsert(session, DeviceEvent).on_conflict_do_nothing().returning(*identity)
    return {(row.device_id, row.time, row.seq) for row in session.execute(statement, rows)}


def keep_snapshots(session: Session, rows: Sequence[Row]) -> None:
    """Store zone states as they were before a device's first fix of a day; the first one stays."""
    if rows:
        session.execute(_upsert(session, StateSnapshot).on_conflict_do_nothing(), rows)


def replace_snapshots(session: Session, rows: Sequence[Row]) -> None:
    """Store zone states before a day's first fix as late fixes made them."""
    if not rows:
        return
    statement = _upsert(session, StateSnapshot)
    changed = {name: statement.excluded[name] for name in ("time", "seq", "zones")}
    session.execute(
        statement.on_conflict_do_update(index_elements=["device_id", "day"], set_=changed), rows
    )


def mark_replays(session: Session, since: Mapping[int, datetime], now: datetime) -> None:
    """Note devices whose past late fixes change, each from the earliest of them on."""
    if not since:
        return
    statement = _upsert(session, ReplayDue)
    earlier = func.min if _on_sqlite(session) else func.least
    changed = {
        "since": earlier(ReplayDue.since, statement.excluded.since),
        "marked_at": statement.excluded.marked_at,
    }
    rows = [{"device_id": it, "since": at, "marked_at": now} for it, at in sorted(since.items())]
    session.execute(
        statement.on_conflict_do_update(index_elements=["device_id"], set_=changed), rows
    )


def keep_changes(session: Session, rows: Sequence[Row]) -> None:
    """Store decided changes of zone states."""
    if rows:
        session.execute(insert(_table(ZoneChange)), rows)


def keep_refusals(session: Session, refusals: Iterable[Refusal]) -> None:
    """Store the reasons, with digests, not what was said; a storm as its first and a count."""
    kept: dict[tuple[str | None, str | None, str], list[Row]] = {}
    for it in refusals:
        alike = kept.setdefault((it.gateway, it.device, it.reason), [])
        if len(alike) < KEPT_ONE_BY_ONE:
            alike.append(_refusal_row(it))
        else:
            alike[-1]["times"] += 1
    rows = [row for alike in kept.values() for row in alike]
    if rows:
        session.execute(insert(_table(Reject)), rows)


def _refusal_row(refusal: Refusal) -> Row:
    return {
        "received": refusal.received,
        "gateway": refusal.gateway,
        "device": refusal.device,
        "seq": refusal.seq,
        "reason": refusal.reason,
        "digest": hashlib.sha256(refusal.payload).digest(),
        "times": 1,
    }
