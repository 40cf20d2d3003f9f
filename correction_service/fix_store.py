"""Put telemetry into its tables: fixes by columns, states, changes, what was refused.

Plain Core statements, no object a fix; whoever makes this faster changes this module alone.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.base import Base
from models.device import DeviceState
from models.fix import DeviceEvent, Fix, Reject
from models.zone import ZoneChange

Columns = Mapping[str, Sequence[Any]]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not stored, and why; of the payload only its digest is kept."""

    received: datetime
    gateway: str | None
    device: str | None
    seq: int | None
    reason: str
    payload: bytes


def _table(kind: type[Base]) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)  # noqa: S101 - our tables are tables
    return table


def _upsert(session: Session, kind: type[Base]) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT of the session's own database, which can say what a conflict does."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(_table(kind))
    return postgresql.insert(_table(kind))


def keep_fixes(session: Session, columns: Columns) -> None:
    """Store fixes, equally long columns by name; one that is already there stays as it is."""
    names = list(columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if rows:
        session.execute(_upsert(session, Fix).on_conflict_do_nothing(), rows)


def keep_events(session: Session, rows: Sequence[Row]) -> set[tuple[int, datetime, int]]:
    """Store events; the identities of those that are new."""
    if not rows:
        return set()
    identity = (DeviceEvent.device_id, DeviceEvent.time, DeviceEvent.seq)
    statement = _upsert(session, DeviceEvent).on_conflict_do_nothing().returning(*identity)
    return {(row.device_id, row.time, row.seq) for row in session.execute(statement, rows)}


def keep_states(session: Session, rows: Sequence[Row]) -> None:
    """Store the packed row of each device over the one before."""
    if not rows:
        return
    statement = _upsert(session, DeviceState)
    changed = {name: statement.excluded[name] for name in rows[0] if name != "device_id"}
    session.execute(
        statement.on_conflict_do_update(index_elements=["device_id"], set_=changed), rows
    )


def keep_changes(session: Session, rows: Sequence[Row]) -> None:
    """Store decided changes of zone states."""
    if rows:
        session.execute(insert(_table(ZoneChange)), rows)


def keep_refusals(session: Session, refusals: Iterable[Refusal]) -> None:
    """Store the reasons, with digests and without what was said."""
    rows = [
        {
            "received": it.received,
            "gateway": it.gateway,
            "device": it.device,
            "seq": it.seq,
            "reason": it.reason,
            "digest": hashlib.sha256(it.payload).digest(),
            "times": 1,
        }
        for it in refusals
    ]
    if rows:
        session.execute(insert(_table(Reject)), rows)
