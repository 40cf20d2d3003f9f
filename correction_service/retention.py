"""Let go of telemetry whose time is over (PIPL 19, 47); what was removed is in the log, by counts.

Fixes and device events go with the case that wore the bracelet, unless something holds the case,
and leave a receipt; what is technical goes by age.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
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
from correction_service.enforcement import deletions
from correction_service.enforcement.deletions import Gone, Rule
from correction_service.settings import Settings
from correction_service.storage import history
from models.base import UtcDateTime
from models.case import Case
from models.command import CommandState, DeviceCommand
from models.device import Binding, StateSnapshot
from models.fix import DeviceEvent, Fix, PackedDay, Reject
from models.movement import MovementDay
from models.standing import StandingChange
from models.telemetry import IngestMinute
from models.what_if import WhatIf

SNAPSHOT_DAYS = 30  # a fix that comes later than this is folded from the oldest that is kept
NOTES_KEPT = timedelta(days=1)

# a binding's id, device, from when to when it was worn, and by whose case
Worn = Row[int, int, datetime, datetime | None, int]


def run(database: Database, settings: Settings, now: datetime) -> int:
    """Remove everything whose time is over; return how many rows that were."""
    with database.reading() as session:
        rule = deletions.rule(session, settings)
        over = _bindings_over(session, rule.ended_before(now))
    removed = 0
    for binding in over:
        with database.transaction(SYSTEM, "retention") as session:
            removed += _end(session, binding, rule, now)
    with database.transaction(SYSTEM, "retention") as session:
        removed += _end_movement(session, rule, now)
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


def end_now(session: Session, settings: Settings, cases: Sequence[int], now: datetime) -> None:
    """Remove what bracelets left of cases whose time is over, each with its receipt, at once."""
    rule = deletions.rule(session, settings)
    for binding in _bindings_over(session, rule.ended_before(now), Case.id.in_(cases)):
        _end(session, binding, rule, now)
    _end_movement(session, rule, now, Case.id.in_(cases))


def _bindings_over(
    session: Session, ended_before: datetime, *which: ColumnElement[bool]
) -> Sequence[Worn]:
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
    worn = (Binding.id, Binding.device_id, Binding.bound_at, Binding.unbound_at, Binding.case_id)
    query = select(*worn).join(Binding.case).where(deletions.over(ended_before), left, *which)
    return session.execute(query).all()


def _days_worn(session: Session, binding: type[Binding]) -> tuple[Any, Any]:
    """The first and last UTC day on which a bracelet was worn; the last is NULL while it is."""
    if session.get_bind().dialect.name == "sqlite":
        return func.date(binding.bound_at), func.date(binding.unbound_at)
    moments = (binding.bound_at, binding.unbound_at)
    first, last = (cast(func.timezone("UTC", moment), Date) for moment in moments)
    return first, last


def _end(session: Session, binding: Worn, rule: Rule, now: datetime) -> int:
    """Remove what one person's wearing of a bracelet left behind, and leave the receipt."""
    ended_before = rule.ended_before(now)
    until = binding.unbound_at or ended_before
    days = _packed_days(session, binding, until, ended_before)
    digests = session.scalars(select(PackedDay.digest).where(*days))
    kinds = {"packed_day": deletions.gone(it.hex() for it in digests)}
    _removed(session, delete(PackedDay).where(*days))
    for name in (*history.tables(session), DeviceEvent.__tablename__):
        kinds[name] = clear(session, name, binding.device_id, binding.bound_at, until)
    return _receipt(session, binding.case_id, kinds, rule, now)


def clear(session: Session, name: str, device_id: int, since: datetime, until: datetime) -> Gone:
    """Delete a device's rows of [since, until) in a table of telemetry; what a receipt says."""
    of = table(name, column("device_id"), column("time", UtcDateTime()))
    mine = (of.c.device_id == device_id, of.c.time >= since, of.c.time < until)
    gone = deletions.gone(it.isoformat() for it in session.scalars(select(of.c.time).where(*mine)))
    _removed(session, delete(of).where(*mine))
    return gone


def _receipt(
    session: Session, case_id: int, kinds: dict[str, Gone], rule: Rule, now: datetime
) -> int:
    deletions.receipt(session, case_id, kinds, rule, now)
    return sum(it.rows for it in kinds.values())


def _end_movement(session: Session, rule: Rule, now: datetime, *which: ColumnElement[bool]) -> int:
    """Remove the places of the days of cases that are over: they go with their fixes."""
    over = select(Case.id).where(deletions.over(rule.ended_before(now)), *which)
    theirs = MovementDay.case_id.in_(over)
    days: dict[int, list[date]] = defaultdict(list)
    for case_id, day in session.execute(select(MovementDay.case_id, MovementDay.day).where(theirs)):
        days[case_id].append(day)
    _removed(session, delete(MovementDay).where(MovementDay.case_id.in_(days)))
    return sum(
        _receipt(session, case_id, {MovementDay.__tablename__: deletions.gone(its)}, rule, now)
        for case_id, its in days.items()
    )


def _packed_days(
    session: Session, binding: Worn, until: datetime, ended_before: datetime
) -> tuple[ColumnElement[bool], ...]:
    """Packed days of a wearing, but for those that belong to somebody else's as well."""
    other = aliased(Binding)
    first, last = _days_worn(session, other)
    kept = (
        select(other.id)
        .join(other.case)
        .where(
            other.device_id == binding.device_id,
            ~deletions.over(ended_before),
            first <= PackedDay.day,
            or_(last.is_(None), last >= PackedDay.day),
        )
    )
    worn = PackedDay.day.between(binding.bound_at.date(), until.date())
    mine = PackedDay.device_id == binding.device_id
    return mine, worn, ~kept.exists()


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
