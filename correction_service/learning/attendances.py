"""Who came: by a check-in of their own or by an officer's word, equal ways; and who is excused.

A check-in proves the face, its position the place: nobody is asked for either twice. Whoever has no
camera, no phone or no consent says so to the officer there, and that counts the same.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.assessment.rulebooks import Rulebooks
from correction_service.casework import points
from correction_service.law.limits import bounds_of
from correction_service.learning import tally
from correction_service.learning.activities import whole_for
from correction_service.presence import serving
from correction_service.scope import case_for
from models.activity import (
    LATE_END,
    Activity,
    ActivityState,
    Attendance,
    AttendanceState,
    AttendanceWay,
    Excuse,
)
from models.case import Case, CaseState
from models.checkin import CheckIn, counted
from models.errors import Invalid, NotFound, Refused
from models.leave import Leave, LeaveState
from models.notice import Notice
from models.points import PointsDraft
from models.user import Permission, User

FRESH = timedelta(minutes=30)  # so old may the check-in be that proves face and place
SERVICE_ITEM = "volunteering"


def mine(session: Session, case: Case, now: datetime) -> Sequence[Attendance]:
    """What a person is invited to and can still come to or be excused from, the next first."""
    query = (
        select(Attendance)
        .join(Attendance.activity)
        .where(
            Attendance.case_id == case.id,
            Attendance.state == AttendanceState.INVITED,
            Activity.state == ActivityState.PLANNED,
            Activity.ends_at >= now - LATE_END,
        )
        .options(joinedload(Attendance.activity))
    )
    return session.scalars(query.order_by(Activity.starts_at, Attendance.id)).all()


def own(session: Session, case: Case, attendance_id: int) -> Attendance:
    """Return a person's own invitation, to be changed."""
    query = select(Attendance).where(Attendance.id == attendance_id, Attendance.case_id == case.id)
    attendance = session.scalar(query.with_for_update())
    if attendance is None:
        raise NotFound("There is no such appointment of yours.")
    return attendance


def begin(session: Session, case: Case, attendance_id: int, now: datetime) -> Attendance:
    """The person is there; where their check-in was taken is told them at once."""
    attendance = own(session, case, attendance_id)
    attendance.begin(_checkin(session, case, attendance.activity.opens_at, now), now)
    return _changed(session, attendance, now)


def end(session: Session, case: Case, attendance_id: int, now: datetime) -> Attendance:
    """The person goes."""
    attendance = own(session, case, attendance_id)
    attendance.end(_checkin(session, case, attendance.began_at or now, now), now)
    return _changed(session, attendance, now)


def _checkin(session: Session, case: Case, since: datetime, now: datetime) -> CheckIn | None:
    """The latest check-in that counts and is fresh; none is no fault, an officer's word will do."""
    fresh = CheckIn.at.between(max(since, now - FRESH), now)
    query = select(CheckIn).where(CheckIn.case_id == case.id, fresh, counted())
    return session.scalars(query.order_by(CheckIn.at.desc(), CheckIn.id.desc())).first()


def say_unable(
    session: Session, case: Case, attendance_id: int, why: str, now: datetime
) -> Attendance:
    """The person cannot come and says why; an officer reads it, nothing is decided by it."""
    attendance = own(session, case, attendance_id)
    if attendance.state is not AttendanceState.INVITED:
        raise Refused("What came of it is written down already.")
    if not why.strip():
        raise Invalid("Say why, in a few words.", field="why")
    attendance.note = why.strip()
    return _changed(session, attendance, now)


def attend(
    session: Session, user: User, attendance_id: int, *, minutes: int, note: str, now: datetime
) -> Attendance:
    """An officer saw the person there, or takes their checks as good and says why."""
    attendance = attendance_for(session, user, attendance_id)
    if now < attendance.activity.starts_at:
        raise Refused("It has not begun.")
    if attendance.partly and not note.strip():
        raise Invalid("Say why the place or the face is taken as good.", field="note")
    attendance.attend(AttendanceWay.OFFICER, minutes, user.id, now)
    attendance.note = note.strip() or attendance.note
    _draft_service(session, attendance, now)
    return _changed(session, attendance, now)


def attend_offline(
    session: Session, attendance: Attendance, minutes: int, user: User, now: datetime
) -> None:
    """Take over what the list of a room without a network says of somebody who was there."""
    attendance.attend(AttendanceWay.OFFLINE, minutes, user.id, now)
    _draft_service(session, attendance, now)
    _changed(session, attendance, now)


def excuse(
    session: Session, user: User, attendance_id: int, why: Excuse, *, note: str, now: datetime
) -> Attendance:
    """An officer finds a good reason, also afterwards: what was drafted for it is withdrawn."""
    attendance = attendance_for(session, user, attendance_id)
    attendance.forgive(why, user.id, now)
    attendance.note = note.strip() or attendance.note
    return _changed(session, attendance, now)


def close(session: Session, user: User, activity_id: int, now: datetime) -> Activity:
    """Close the list: what is proved counts, a good reason on file excuses, the rest was missed.

    Refused while something was said of being there that an officer has not weighed.
    """
    activity = whole_for(session, user, activity_id)
    waiting = [it for it in activity.attendances if it.state is AttendanceState.INVITED]
    unclear = sum(1 for it in waiting if it.partly)
    if unclear:
        raise Refused("%(count)d of the list still need your word.", count=unclear)
    activity.close(user.id, now)
    for attendance in waiting:
        _settle(session, attendance, user.id, now)
    session.flush()
    return activity


def _settle(session: Session, attendance: Attendance, by: int, now: datetime) -> None:
    reason = None if attendance.proved else known_excuse(session, attendance, now)
    if attendance.proved:
        attendance.attend(AttendanceWay.FACE, attendance.worth_minutes(), by, now)
        _draft_service(session, attendance, now)
    elif reason is not None:
        attendance.forgive(reason, by, now)
    else:
        attendance.miss(by, now)
    _changed(session, attendance, now)


def known_excuse(session: Session, attendance: Attendance, now: datetime) -> Excuse | None:
    """What the file itself says for not having been there."""
    case, activity = attendance.case, attendance.activity
    if case.state is CaseState.DETAINED:
        return Excuse.CUSTODY
    if not case.supervised_at(activity.starts_at):
        return Excuse.SUSPENDED
    if session.scalar(select(_on_leave(case.id, activity))):
        return Excuse.APPROVED_LEAVE
    if not _told(session, attendance):
        return Excuse.NOT_TOLD
    return Excuse.OUTAGE if _kept_from(session, activity, now) else None


def _kept_from(session: Session, activity: Activity, now: datetime) -> bool:
    """Whether our own pages did not answer while they could have said that they are there."""
    gaps = serving.gaps(session, activity.opens_at, now)
    return serving.excuse(gaps, activity.opens_at, activity.ends_at) is not None


def _told(session: Session, attendance: Attendance) -> bool:
    """Whether the invitation is proved to have arrived before it began."""
    notice = session.get(Notice, attendance.notice_id or 0)
    arrived = notice.delivered_at if notice is not None else None
    return arrived is not None and arrived < attendance.activity.starts_at


def _on_leave(case_id: int, activity: Activity) -> ColumnElement[bool]:
    at_that_time = and_(Leave.starts_at < activity.ends_at, Leave.ends_at > activity.starts_at)
    kept = Leave.state != LeaveState.CANCELLED
    return exists().where(Leave.case_id == case_id, at_that_time, kept)


def _draft_service(session: Session, attendance: Attendance, now: datetime) -> None:
    """Propose points for each whole block of verified public-benefit time of the month."""
    if not attendance.activity.asks_end:
        return
    case, day = attendance.case, hours.local_day(attendance.activity.starts_at)
    try:
        book = Rulebooks(session).on(day, case.agency_id)
    except Refused:  # what somebody did does not wait for a rulebook
        return
    if not book.prices(SERVICE_ITEM):
        return
    session.flush()
    block_minutes = bounds_of(session)["service_hours"].value * 60
    earned = tally.of_month(session, case.id, day).service_minutes // block_minutes
    facts = [f"service:{day:%Y-%m}:{number}" for number in range(1, earned + 1)]
    known = select(PointsDraft.fact).where(
        PointsDraft.case_id == case.id, PointsDraft.fact.in_(facts)
    )
    for fact in sorted(set(facts) - set(session.scalars(known))):
        draft = points.proposed(book, case.id, SERVICE_ITEM, fact, day)
        draft.evidence = {
            "attendance": attendance.id,
            "served_at": attendance.activity.starts_at.isoformat(),
        }
        draft.made_at = now
        session.add(draft)


def attendance_for(session: Session, user: User, attendance_id: int) -> Attendance:
    """Return an attendance of a case that the user may act on, to be changed."""
    attendance = session.get(Attendance, attendance_id)
    if attendance is None:
        raise NotFound("There is no such attendance in your offices.")
    case_for(session, user, attendance.case_id, Permission.SUPERVISE)
    session.refresh(attendance, with_for_update=True)
    return attendance


def of(session: Session, case_id: int) -> Sequence[Attendance]:
    """What a person was invited to, the latest first."""
    query = (
        select(Attendance)
        .join(Attendance.activity)
        .where(Attendance.case_id == case_id, Activity.state != ActivityState.CANCELLED)
        .options(joinedload(Attendance.activity))
    )
    return session.scalars(query.order_by(Activity.starts_at.desc()).limit(200)).all()


def _changed(session: Session, attendance: Attendance, now: datetime) -> Attendance:
    session.flush()
    outbox.live(session, attendance.case, "attendance", attendance.id, now)
    return attendance
