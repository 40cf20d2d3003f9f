"""The minutes that ingesters write of themselves: kept, and read for page and alarm."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from correction_service.tracking.meters import Tally
from models.base import Base
from models.telemetry import IngestMinute

BEAT_STALE = timedelta(seconds=60)
KEYS = ("ingester", "started_at", "minute")
MS = 1000
TABLE = Base.metadata.tables[IngestMinute.__tablename__]
Minute = Row[Any]  # the columns of IngestMinute, without an object each


def row(
    ingester: str, started_at: datetime, minute: datetime, beat_at: datetime, of: Tally
) -> dict[str, Any]:
    """Return what a minute came to, as columns; queue, memory and connection are the caller's."""
    spreads = {"commit": of.commit, "lag": of.lag}
    return {
        "ingester": ingester,
        "started_at": started_at,
        "minute": minute,
        "beat_at": beat_at,
        "messages": of.messages,
        "committed": of.committed,
        "committed_at": of.committed_at,
        "duplicates": of.duplicates,
        "late": of.late,
        "rejected": dict(of.rejected),
        "batches": of.batches,
        **{
            f"{name}_p{share}_ms": None if (at := it.quantile(share / 100)) is None else at * MS
            for name, it in spreads.items()
            for share in (50, 99)
        },
    }


def keep(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Write minutes, over what was written of them before."""
    upsert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for values in rows:
        changed = {name: value for name, value in values.items() if name not in KEYS}
        statement = upsert(TABLE).values(values)
        session.execute(statement.on_conflict_do_update(index_elements=KEYS, set_=changed))


def since(session: Session, start: datetime) -> list[Minute]:
    """Return every minute from `start` on, oldest first, of all ingesters."""
    query = select(TABLE).where(TABLE.c.minute >= start)
    return list(session.execute(query.order_by(TABLE.c.minute, TABLE.c.started_at)))


def alive(session: Session, now: datetime) -> list[Minute]:
    """Return the newest minute of each ingester that was heard lately, by name."""
    beats = since(session, now - BEAT_STALE - timedelta(minutes=1))
    newest = {it.ingester: it for it in beats if now - it.beat_at < BEAT_STALE}
    return [newest[name] for name in sorted(newest)]


def names(session: Session, start: datetime) -> set[str]:
    """Return every ingester that was heard since `start`."""
    heard = select(IngestMinute.ingester).where(IngestMinute.minute >= start)
    return set(session.scalars(heard.distinct()))


def last_commit(session: Session) -> datetime | None:
    """Return when any ingester stored a reading last."""
    stored = select(IngestMinute.committed_at).where(IngestMinute.committed_at.is_not(None))
    return session.scalars(stored.order_by(IngestMinute.minute.desc()).limit(1)).first()


def usual_gap(session: Session, until: datetime, span: timedelta) -> timedelta:
    """Return the mean time between readings in the `span` before `until`; nothing when unknown."""
    lately = (IngestMinute.minute > until - span, IngestMinute.minute <= until)
    committed = session.scalar(select(func.sum(IngestMinute.committed)).where(*lately))
    return span / committed if committed else timedelta()
