"""Who is not back from leave: what the bracelet cannot say is said as unknown, never as a breach.

Where the bracelet does tell, the zones that go on after the leave raise and end the incident
(`zone_watch`). Where it does not, or none is worn, nobody may go unnoticed: an hour after the end
the open question itself is worth a look.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager

from correction_service import hours, outbox
from correction_service.incidents import incidents, sightings
from correction_service.incidents.sightings import Seen
from correction_service.zones import zone_pauses
from models.case import supervised_on
from models.device import Binding
from models.incident import Incident, IncidentKind, Severity
from models.leave import Leave, LeaveState
from models.zone import Zone, ZoneChange, ZoneKind, ZoneState

GRACE = timedelta(hours=1)  # to come through the door, to be seen there, and to be signed off
PRESSING = timedelta(hours=24)
UNKNOWN = "unknown"


def watch(session: Session, now: datetime) -> int:
    """Move cases whose leave begins, look at leaves whose end is past; how many those are."""
    today = hours.local_day(now)
    for leave in session.scalars(_open_leaves(Leave.starts_at <= now, Leave.ends_at > now)):
        leave.depart(now)
    for leave in session.scalars(_open_leaves(Leave.ends_at <= now, Leave.regular.is_(True))):
        leave.lapse()
        zone_pauses.resume(session, leave, now)
    unsaid = (Leave.ends_at <= now - GRACE, Leave.return_said_at.is_(None), ~Leave.regular)
    late = session.scalars(_open_leaves(*unsaid, supervised_on(today))).all()
    for leave in late:
        incident = _of(session, leave)
        if incident is not None:
            _press(session, leave, incident, now)
        elif not _home_again(session, leave):
            _open(session, leave, now)
    session.flush()
    return len(late)


def settle(session: Session, leave: Leave, now: datetime, how: str) -> None:
    """Signed off or extended: the person is not overdue any more."""
    zones = select(Zone.id).where(Zone.leave_id == leave.id)
    its = or_(Incident.zone_id.in_(zones), _said_of(leave))
    running = (Incident.open_key.is_not(None), Incident.ended_at.is_(None), its)
    for incident in session.scalars(_incidents(leave.case_id).where(*running)):
        incidents.amend(session, incident, now, ended_at=now, facts={"ended_by": how})


def raised() -> ColumnElement[bool]:
    """Match a leave of which an open incident says that the return is overdue."""
    return _incidents(Leave.case_id).where(Incident.open_key.is_not(None)).exists()


def _open_leaves(*which: ColumnElement[bool]) -> Select[Leave]:
    """One that an officer works on at this moment has its next turn."""
    query = select(Leave).join(Leave.case).where(Leave.state == LeaveState.APPROVED, *which)
    locked = query.with_for_update(of=Leave, skip_locked=True)
    return locked.options(contains_eager(Leave.case)).order_by(Leave.id)


def _incidents(case_id: int | InstrumentedAttribute[int]) -> Select[Incident]:
    mine = (Incident.case_id == case_id, Incident.kind == IncidentKind.LEAVE_OVERDUE)
    return select(Incident).where(*mine).order_by(Incident.id.desc())


def _of(session: Session, leave: Leave) -> Incident | None:
    """What was raised since the leave's end, by a fix or by the clock; closed ones count."""
    by_clock = and_(Incident.zone_id.is_(None), _said_of(leave), Incident.since >= leave.ends_at)
    raised = or_(Incident.zone_id.in_(_homes(leave)), by_clock)
    return session.scalars(_incidents(leave.case_id).where(raised).limit(1)).first()


def _said_of(leave: Leave) -> ColumnElement[bool]:
    said: ColumnElement[bool] = Incident.facts["leave"].as_integer() == leave.id
    return said


def _homes(leave: Leave) -> Select[int]:
    """The home areas that ask for the return; those of before an extension ask no more."""
    return select(Zone.id).where(
        Zone.leave_id == leave.id,
        Zone.kind == ZoneKind.HOME,
        Zone.valid_from >= leave.ends_at,
        or_(Zone.valid_to.is_(None), Zone.valid_to > Zone.valid_from),
    )


def _home_again(session: Session, leave: Leave) -> bool:
    """Whether the bracelet was seen inside the home area since the leave's end."""
    seen = select(ZoneChange.id).where(
        ZoneChange.zone_id.in_(_homes(leave)),
        ZoneChange.state == ZoneState.INSIDE,
        ZoneChange.superseded_at.is_(None),
    )
    return session.scalar(seen.limit(1)) is not None


def _open(session: Session, leave: Leave, now: datetime) -> None:
    worn = select(Binding.device_id).where(
        Binding.case_id == leave.case_id, Binding.unbound_at.is_(None)
    )
    seen = Seen(
        kind=IncidentKind.LEAVE_OVERDUE,
        case_id=leave.case_id,
        device_id=session.scalar(worn),
        zone_id=session.scalar(_homes(leave).order_by(Zone.id).limit(1)),
        since=leave.ends_at,
        at=now,
        facts={"leave": leave.id, "where": UNKNOWN},
        severity=Severity.WATCH,
    )
    incident = sightings.open_or_update(session, seen, now)
    incident.since = max(incident.since, leave.ends_at)  # one of before an extension asks anew


def _press(session: Session, leave: Leave, incident: Incident, now: datetime) -> None:
    """A day after the end: unknown is looked at soon, away is urgent."""
    over = incident.open_key is None or incident.ended_at is not None
    if over or now < leave.ends_at + PRESSING:
        return
    severity = Severity.URGENT if "beyond_m" in incident.facts else Severity.SOON
    if tuple(Severity).index(severity) >= tuple(Severity).index(incident.severity):
        return
    session.refresh(incident, with_for_update=True)  # an officer may be at it
    incident.raise_to(severity, now)
    incident.facts = {**incident.facts, "pressing_since": now.isoformat()}
    session.flush()
    outbox.live_by_case(session, "incident", {incident.id: incident.case_id}, now)
