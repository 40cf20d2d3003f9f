"""Incidents come to who is on duty: new ones, those of a shift that is over, by a head's word.

Each passing is one step of the incident, with whose it is from then on. Only the owner changes:
what was acknowledged stays so. Whoever has what became more urgent meanwhile is told of it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager

from correction_service import outbox
from correction_service.incidents.shifts import OnDuty, Place
from correction_service.messages import alerts
from correction_service.messages.alerts import Alert
from correction_service.scope import visible
from correction_service.settings import Settings
from models.errors import Invalid, NotFound
from models.incident import Incident, IncidentState, IncidentStep, Passing, Severity
from models.shift import Shift
from models.user import Permission, User

AT_ONCE = 500
Passed = dict[int, list[Incident]]  # by their new owner


def assign(session: Session, now: datetime, settings: Settings) -> int:
    """Give open incidents that are nobody's to the officer on duty; return how many."""
    duty = OnDuty(session, now)
    nobodys = (Incident.state == IncidentState.OPEN, Incident.owner_id.is_(None))
    to: Passed = defaultdict(list)
    for incident in session.scalars(_locked(*nobodys, duty.cases)):
        shift = duty.of(incident.case)
        if shift is not None:
            incident.pass_to(shift.officer_id, Passing.ASSIGNED, None, now)
            to[shift.officer_id].append(incident)
    return _told(session, Alert.ASSIGNED, to, now, settings)


def ask_again(session: Session, now: datetime, settings: Settings) -> int:
    """Tell owners of what became more urgent since they were asked; return of how many."""
    steps = select(IncidentStep.action).where(IncidentStep.incident_id == Incident.id)
    last = steps.order_by(IncidentStep.id.desc()).limit(1).scalar_subquery()
    untold = (Incident.asked_at.is_(None), last == Passing.RAISED.value)
    theirs = (Incident.state != IncidentState.CLOSED, Incident.owner_id.is_not(None))
    to: Passed = defaultdict(list)
    for incident in session.scalars(_locked(*theirs, *untold)):
        incident.asked_at = now
        to[incident.owner_id or 0].append(incident)
    return _told(session, Alert.RAISED, to, now, settings)


def hand_over(session: Session, now: datetime, settings: Settings) -> int:
    """Pass what is open at the end of a shift to who is on duty then; return how many.

    While nobody is, it stays with whoever has it, and passes when somebody comes on duty.
    """
    over = select(Shift).where(Shift.ends_at <= now, Shift.handed_over_at.is_(None))
    duty = OnDuty(session, now)
    to: Passed = defaultdict(list)
    for shift in session.scalars(over.order_by(Shift.ends_at)).all():
        if _hand_over(session, shift, duty, now, to):
            shift.handed_over_at = now
    return _told(session, Alert.HANDED_OVER, to, now, settings)


def _hand_over(session: Session, shift: Shift, duty: OnDuty, now: datetime, to: Passed) -> bool:
    """Pass one shift's incidents on; return whether all have come to somebody on duty."""
    leaving = Incident.owner_id.in_((shift.officer_id, shift.cover_id))
    here = Place(shift.agency_id, shift.office_id).cases
    mine = _locked(Incident.state != IncidentState.CLOSED, leaving, here, wait=True)
    found = session.scalars(mine).all()
    whole = len(found) < AT_ONCE
    for incident in found:
        following = duty.of(incident.case)
        if following is None:
            whole = False
        elif incident.owner_id not in {following.officer_id, following.cover_id}:
            incident.pass_to(following.officer_id, Passing.HANDED_OVER, None, now)
            to[following.officer_id].append(incident)
    return whole


def reassign(
    session: Session,
    head: User,
    incident_ids: Collection[int],
    now: datetime,
    settings: Settings,
    *,
    to: int | None,
    reason: str,
) -> int:
    """Give chosen incidents to an officer, all or none, by a head and for a reason."""
    if not incident_ids:
        raise Invalid("Choose at least one incident.", field="incident")
    if not reason.strip():
        raise Invalid("Say why they are given to somebody else.", field="note")
    officer = session.get(User, to) if to else None
    if officer is None or not officer.may(Permission.SUPERVISE):
        raise Invalid("Choose an officer who deals with incidents.", field="officer")
    seen = select(Incident.id).join(Incident.case).where(Incident.id.in_(incident_ids))
    if len(set(session.scalars(seen.where(visible(head))))) != len(set(incident_ids)):
        raise NotFound("There is no such incident in your offices.")
    if len(set(session.scalars(seen.where(visible(officer))))) != len(set(incident_ids)):
        raise Invalid("This officer does not see all of these cases.", field="officer")
    chosen = session.scalars(_locked(Incident.id.in_(incident_ids), wait=True)).all()
    for incident in chosen:
        incident.pass_to(officer.id, Passing.REASSIGNED, head.id, now, reason)
    return _told(session, Alert.REASSIGNED, {officer.id: list(chosen)}, now, settings)


def able(session: Session, head: User) -> Sequence[User]:
    """Return the officers that a head may give incidents to."""
    near = select(User).where(User.agency_id == head.agency_id, User.active)
    if head.office_id is not None:
        near = near.where(User.office_id.is_(None) | (User.office_id == head.office_id))
    found = session.scalars(near.order_by(User.name, User.id))
    return [user for user in found if user.may(Permission.SUPERVISE)]


def _locked(*where: object, wait: bool = False) -> Select[Incident]:
    """Incidents with their cases; one that an officer works on at this moment has its next turn."""
    query = select(Incident).join(Incident.case).where(*where)  # type: ignore[arg-type]
    locked = query.with_for_update(of=Incident, skip_locked=not wait)
    return locked.options(contains_eager(Incident.case)).order_by(Incident.id).limit(AT_ONCE)


def _told(
    session: Session,
    alert: Alert,
    passed: Passed,
    now: datetime,
    settings: Settings,
) -> int:
    """Tell live pages and the new owners; of a new incident that is not urgent pages alone."""
    cases = {it.id: it.case_id for of in passed.values() for it in of}
    session.flush()
    if cases:
        outbox.live_by_case(session, "incident", cases, now)
        whom = {user: [it.id for it in of if _loud(alert, it)] for user, of in passed.items()}
        told = {user: ids for user, ids in whom.items() if ids}
        alerts.tell(session, alert, told, now, settings)
    return len(cases)


def _loud(alert: Alert, incident: Incident) -> bool:
    return alert is not Alert.ASSIGNED or incident.severity is Severity.URGENT
