"""Zones that rest while a person is on leave, by their own validity: no job opens or closes them.

A zone that rests ends where the leave begins, and the same zone goes on where the leave ends. So
every fix, however late, is judged by what was asked at its own time. The zone that goes on names
the leave: outside it the return is overdue, until the leave is signed off.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.leave import Leave, LeaveState
from models.zone import Zone, ZoneKind

RESTING = frozenset({ZoneKind.HOME, ZoneKind.CURFEW, ZoneKind.PLACE})  # exclusions never rest


def rest(session: Session, leave: Leave, since: datetime) -> None:
    """The case's zones to keep to rest from `since` to the end of this leave."""
    asking = select(Zone).where(
        Zone.case_id == leave.case_id,
        Zone.valid_from < leave.ends_at,
        or_(Zone.valid_to.is_(None), Zone.valid_to > since),
    )
    for zone in session.scalars(asking.order_by(Zone.id)).all():
        _rest(session, zone, leave, since)


def rest_new(session: Session, zone: Zone) -> None:
    """A zone that was just made rests for every leave that it meets."""
    leaves = select(Leave).where(
        Leave.case_id == zone.case_id,
        Leave.state == LeaveState.APPROVED,
        Leave.ends_at > zone.valid_from,
    )
    for leave in session.scalars(leaves.order_by(Leave.starts_at)).all():
        zone = _rest(session, zone, leave, leave.starts_at)


def _rest(session: Session, zone: Zone, leave: Leave, since: datetime) -> Zone:
    """Let a zone rest if the leave meets it; the zone that goes on after it."""
    over = zone.valid_to is not None and zone.valid_to <= since
    if zone.kind not in RESTING or over or zone.valid_from >= leave.ends_at:
        return zone
    later = zone.again(leave.ends_at, zone.valid_to)
    zone.valid_to = max(since, zone.valid_from)
    session.add(later)
    session.flush()
    _follow(session, zone, later)
    later.leave_id, later.follows_id = leave.id, zone.id
    session.flush()
    return later


def after(session: Session, zone: Zone) -> Sequence[Zone]:
    """The zone that goes on after the leave that this one rests for."""
    going_on = (Zone.follows_id == zone.id, Zone.leave_id.is_not(None))
    return session.scalars(select(Zone).where(*going_on)).all()


def succeed(session: Session, zone: Zone, since: datetime, until: datetime | None) -> Zone:
    """End a zone at a moment; the same zone holds from then on, and what followed follows it."""
    later = zone.again(since, until)
    zone.valid_to = since
    session.add(later)
    session.flush()
    _follow(session, zone, later)
    return later


def _follow(session: Session, zone: Zone, later: Zone) -> None:
    for it in after(session, zone):
        it.follows_id = later.id


def resume(session: Session, leave: Leave, now: datetime) -> None:
    """The person is back: what rests, or asks for the return, asks from now on as ever."""
    for zone in _of(session, leave):
        if zone.valid_from > now:
            zone.valid_from, zone.leave_id = now, None
        elif _asks_on(zone, now):
            succeed(session, zone, now, zone.valid_to).leave_id = None
    session.flush()


def undo(session: Session, leave: Leave) -> None:
    """The leave is not taken: the zones go on as if it had never been approved."""
    for zone in _of(session, leave):
        before = session.get_one(Zone, zone.follows_id)
        before.valid_to = zone.valid_to
        _follow(session, zone, before)
        session.flush()
        session.delete(zone)
    session.flush()


def put_off(session: Session, leave: Leave, ended_at: datetime, now: datetime) -> None:
    """The leave ends later than `ended_at`: what asked for the return rests until then.

    So do the zones that it did not meet before and meets now.
    """
    for zone in _of(session, leave):
        if zone.valid_from > now:
            zone.valid_from = leave.ends_at
        elif _asks_on(zone, now):
            later = succeed(session, zone, now, zone.valid_to)
            later.valid_from, later.follows_id = leave.ends_at, zone.id
    session.flush()
    rest(session, leave, max(ended_at, now))


def _of(session: Session, leave: Leave) -> Sequence[Zone]:
    mine = select(Zone).where(Zone.leave_id == leave.id, Zone.kind.in_(RESTING))
    return session.scalars(mine.order_by(Zone.id)).all()


def _asks_on(zone: Zone, now: datetime) -> bool:
    return zone.valid_to is None or zone.valid_to > now
