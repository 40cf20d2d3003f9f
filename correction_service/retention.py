"""Let go of telemetry whose time is over (PIPL 19, 47); what was removed is in the log, by counts.

Fixes and device events go with the case that wore the bracelet; what is technical goes by age.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Date,
    Delete,
    Row,
    and_,
    cast,
    column,
    delete,
    exists,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.orm import Session, aliased

from correction_service.audit import SYSTEM, noted
from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.storage import history
from models.base import UtcDateTime
from models.case import ENDED, Case
from models.command import CommandState, DeviceCommand
from models.device import Binding, StateSnapshot
from models.fix import DeviceEvent, Fix, PackedDay, Reject
from models.movement import MovementDay
from models.standing import StandingChange
from models.telemetry import IngestMinute
from models.what_if import WhatIf

SNAPSHOT_DAYS = 30  # a fix that comes later than this is folded from the oldest that is kept
NOTES_KEPT = timedelta(days=1)

Worn = Row[int, int, datetime, datetime | None]  # a binding's id, device, and from when to when


def run(database: Database, settings: Settings, now: datetime) -> int:
    """Remove everything whose time is over; return how many rows that were."""
    ended_before = now - timedelta(days=settings.fix_days)
    with database.reading() as session:
        over = _bindings_over(session, ended_before)
    removed = 0
    for binding in over:
        with database.transaction(SYSTEM, "retention") as session:
            removed += _end(session, binding, ended_before)
    with database.transaction(SYSTEM, "retention") as session:
        removed += _end_movement(session, ended_before)
        return removed + _expire_technical(session, settings, now)


class StandingNotes:
    """Forgets notes for ingest a day after they were seen here: they carry no time of their own."""

    def __init__(self) -> None:
        self._seen: list[tuple[datetime, int]] = []

    def forget(self, session: Session, now: datetime) -> int:
        """Delete the notes that were there a day ago but for the newest; return how many.

        In an empty table SQLite would count from 1 again, below what readers have seen.
        """
        newest = session.scalar(select(func.max(StandingChange.id))) or 0
        old = [seen for seen in self._seen if seen[0] <= now - NOTES_KEPT]
        self._seen = [*old[-1:], *self._seen[len(old) :], (now, newest)]
        if not old:
            return 0
        return _removed(session, delete(StandingChange).where(StandingChange.id < old[-1][1]))


def _bindings_over(session: Session, ended_before: datetime) -> Sequence[Worn]:
    """Bindings of cases that ended before, of which something is left."""
    first, last = _days_worn(session, Binding)
    last = func.coalesce(last, ended_before.date())
    until = func.coalesce(Binding.unbound_at, ended_before)
    left = or_(
        exists().where(
            PackedDay.device_id == Binding.device_id, PackedDay.day.between(first, last)
        ),
        *(
            exists().where(
                of.device_id == Binding.device_id, of.time >= Binding.bound_at, of.time < until
            )
            for of in (Fix, DeviceEvent)
        ),
    )
    query = select(Binding.id, Binding.device_id, Binding.bound_at, Binding.unbound_at)
    return session.execute(query.join(Binding.case).where(_over(ended_before), left)).all()


def _over(ended_before: datetime) -> ColumnElement[bool]:
    return and_(Case.state.in_(ENDED), Case.state_since < ended_before)


def _days_worn(session: Session, binding: type[Binding]) -> tuple[Any, Any]:
    """The first and last UTC day on which a bracelet was worn; the last is NULL while it is."""
    if session.get_bind().dialect.name == "sqlite":
        return func.date(binding.bound_at), func.date(binding.unbound_at)
    moments = (binding.bound_at, binding.unbound_at)
    first, last = (cast(func.timezone("UTC", moment), Date) for moment in moments)
    return first, last


def _end(session: Session, binding: Worn, ended_before: datetime) -> int:
    """Remove what one person's wearing of a bracelet left behind."""
    until = binding.unbound_at or ended_before
    counts = {"packed_day": _removed(session, _packed_days(session, binding, until, ended_before))}
    for name in (*history.tables(session), DeviceEvent.__tablename__):
        of = table(name, column("device_id"), column("time", UtcDateTime()))
        worn = (of.c.time >= binding.bound_at, of.c.time < until)
        mine = delete(of).where(of.c.device_id == binding.device_id, *worn)
        counts[name] = _removed(session, mine)
    if any(counts.values()):
        noted(session, "expired", "binding", {str(binding.id): counts})
    return sum(counts.values())


def _end_movement(session: Session, ended_before: datetime) -> int:
    """Remove the places of the days of cases that ended before: they go with their fixes."""
    over = select(Case.id).where(_over(ended_before))
    rows = _removed(session, delete(MovementDay).where(MovementDay.case_id.in_(over)))
    if rows:
        noted(session, "expired", MovementDay.__tablename__, {"ended cases": {"rows": rows}})
    return rows


def _packed_days(
    session: Session, binding: Worn, until: datetime, ended_before: datetime
) -> Delete:
    """Packed days of a wearing, but for those that belong to somebody else's as well."""
    other = aliased(Binding)
    first, last = _days_worn(session, other)
    kept = (
        select(other.id)
        .join(other.case)
        .where(
            other.device_id == binding.device_id,
            ~_over(ended_before),
            first <= PackedDay.day,
            or_(last.is_(None), last >= PackedDay.day),
        )
    )
    worn = PackedDay.day.between(binding.bound_at.date(), until.date())
    mine = PackedDay.device_id == binding.device_id
    return delete(PackedDay).where(mine, worn, ~kept.exists())


def _expire_technical(session: Session, settings: Settings, now: datetime) -> int:
    old = now - timedelta(days=settings.technical_days)
    answered = DeviceCommand.state != CommandState.SENT
    over = {
        Reject: Reject.received < old,
        IngestMinute: IngestMinute.minute < old,
        DeviceCommand: and_(DeviceCommand.asked_at < old, answered),
        WhatIf: WhatIf.asked_at < old,
        StateSnapshot: StateSnapshot.day < (now - timedelta(days=SNAPSHOT_DAYS)).date(),
    }
    removed = 0
    for of, condition in over.items():
        if rows := _removed(session, delete(of).where(condition)):
            noted(session, "expired", of.__tablename__, {f"{now:%Y-%m-%d}": {"rows": rows}})
            removed += rows
    return removed


def _removed(session: Session, statement: Delete) -> int:
    options = {"synchronize_session": False}
    gone = session.execute(statement, execution_options=options)
    assert isinstance(gone, CursorResult)  # noqa: S101 - what a DELETE gives
    return int(gone.rowcount)
