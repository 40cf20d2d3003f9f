"""Arrange education and public-benefit activity, invite people, call off (LCC 36, 42, 52)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from correction_service import hours
from correction_service.messages import notices
from correction_service.scope import agency_ids, visible
from models.activity import Activity, ActivityKind, ActivityState, Attendance, AttendanceState
from models.case import Case, supervised_on
from models.errors import Forbidden, Invalid, NotFound
from models.user import Permission, User

LONGEST = timedelta(hours=8)  # of one day: it leaves room for work and family (LCC 4)
MOST_PEOPLE = 500
RADIUS_M = (30, 2000)  # a phone among houses is no better; more is no place
MOST_LAT, MOST_LON = 90, 180


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place on the map, WGS-84, and how far around it still counts as there."""

    lat: float
    lon: float
    radius_m: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an officer arranges; `minutes` is what the whole of it is worth."""

    kind: ActivityKind
    title: str
    course: str = ""
    tasks: str = ""
    minors: bool
    place: str
    spot: Spot | None = None
    starts_at: datetime
    ends_at: datetime
    capacity: int


def arrange(session: Session, user: User, plan: Plan, now: datetime) -> Activity:
    """Write down what takes place when and where; of the user's office, or of the whole agency."""
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    _check(plan, now)
    made = Activity(
        kind=plan.kind,
        agency_id=user.agency_id,
        office_id=user.office_id,
        title=plan.title.strip(),
        course=plan.course.strip() or None,
        tasks=plan.tasks.strip() or None,
        minors=plan.minors,
        place=plan.place.strip(),
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        minutes=(plan.ends_at - plan.starts_at) // timedelta(minutes=1),
        capacity=plan.capacity,
        made_by=user.id,
        made_at=now,
        state=ActivityState.PLANNED,
    )
    if plan.spot is not None:
        made.lat, made.lon, made.radius_m = plan.spot.lat, plan.spot.lon, plan.spot.radius_m
    session.add(made)
    session.flush()
    return made


def _check(plan: Plan, now: datetime) -> None:
    if not plan.title.strip():
        raise Invalid("Say what it is.", field="title")
    if plan.kind is ActivityKind.PUBLIC_BENEFIT and not plan.tasks.strip():
        raise Invalid("Say what is to be done, so that it can be seen who is fit.", field="tasks")
    if not plan.place.strip():
        raise Invalid("Say where it is.", field="place")
    if plan.starts_at <= now:
        raise Invalid("The beginning is still to come.", field="starts_at")
    if not timedelta(0) < plan.ends_at - plan.starts_at <= LONGEST:
        raise Invalid("It ends after it begins, within eight hours.", field="ends_at")
    if not 1 <= plan.capacity <= MOST_PEOPLE:
        raise Invalid(
            "There is room for one to %(most)d people.", field="capacity", most=MOST_PEOPLE
        )
    if plan.spot is not None:
        _check_spot(plan.spot)


def _check_spot(spot: Spot) -> None:
    if not (abs(spot.lat) <= MOST_LAT and abs(spot.lon) <= MOST_LON):  # nor is NaN a place
        raise Invalid("Give latitude and longitude in degrees.", field="lat")
    if not RADIUS_M[0] <= spot.radius_m <= RADIUS_M[1]:
        raise Invalid("The radius is between 30 and 2000 metres.", field="radius_m")


def invite(
    session: Session, user: User, activity_id: int, case_ids: Collection[int], now: datetime
) -> list[Attendance]:
    """Put people on the list and tell them; who cannot be there says so and pays nothing."""
    activity = activity_for(session, user, activity_id, Permission.SUPERVISE)
    query = select(Case).where(Case.id.in_(case_ids), visible(user)).order_by(Case.id)
    cases = session.scalars(query).all()
    if not cases or len(cases) != len(set(case_ids)):
        raise Invalid("Choose people of your offices.", field="case")
    made = [_invited(session, activity, case, user, now) for case in cases]
    session.flush()
    return made


def _invited(
    session: Session, activity: Activity, case: Case, user: User, now: datetime
) -> Attendance:
    attendance = activity.invite(case, user.id, now)
    attendance.state = AttendanceState.INVITED
    session.add(attendance)
    attendance.notice_id = notices.queue(session, case, "activity", now).id
    return attendance


def candidates(session: Session, user: User, activity: Activity, now: datetime) -> Sequence[Case]:
    """Who could be invited: supervised, of the right age, and not on the list."""
    listed = select(Attendance.case_id).where(Attendance.activity_id == activity.id)
    query = (
        select(Case)
        .where(
            visible(user),
            supervised_on(hours.local_day(now)),
            Case.minor == activity.minors,
            Case.id.not_in(listed),
            Case.agency_id == activity.agency_id,
        )
        .options(joinedload(Case.person))
    )
    if activity.office_id is not None:
        query = query.where(Case.office_id == activity.office_id)
    return session.scalars(query.order_by(Case.id).limit(MOST_PEOPLE)).all()


def cancel(session: Session, user: User, activity_id: int, note: str, now: datetime) -> Activity:
    """Call it off with the reason, and tell everybody on the list."""
    activity = whole_for(session, user, activity_id)
    activity.cancel(user.id, now, note)
    for attendance in activity.attendances:
        notices.queue(session, attendance.case, "activity_off", now)
    session.flush()
    return activity


def activity_for(
    session: Session, user: User, activity_id: int, permission: Permission = Permission.SEE_CASES
) -> Activity:
    """Return an activity that the user may see, or change: their office's or their agency's."""
    if not user.may(permission):
        raise Forbidden("Your role does not include this.")
    query = select(Activity).where(Activity.id == activity_id, seen_by(user))
    if permission is not Permission.SEE_CASES:
        query = query.with_for_update()
    activity = session.scalar(query)
    if activity is None:
        raise NotFound("There is no such activity in your offices.")
    return activity


def whole_for(session: Session, user: User, activity_id: int) -> Activity:
    """Return an activity to decide about for everybody on its list, as its own office may."""
    activity = activity_for(session, user, activity_id, Permission.SUPERVISE)
    if not owned_by(user, activity):
        raise Forbidden(
            "The county ends what it arranged: people of other offices are on the list."
        )
    return activity


def owned_by(user: User, activity: Activity) -> bool:
    """Whether nobody of an office that the user does not see can be on the list."""
    return user.office_id in {None, activity.office_id}


def seen_by(user: User) -> ColumnElement[bool]:
    """Match the activities of a user's office and of its agency, or of an agency's whole tree."""
    if user.office_id is None:
        return Activity.agency_id.in_(agency_ids(user.agency_id))
    whole = and_(Activity.office_id.is_(None), Activity.agency_id == user.agency_id)
    return or_(Activity.office_id == user.office_id, whole)


def listed(user: User) -> Select[Activity]:
    """The activities that a user sees, the latest first."""
    people = selectinload(Activity.attendances)
    query = select(Activity).where(seen_by(user)).options(joinedload(Activity.office), people)
    return query.order_by(Activity.starts_at.desc(), Activity.id.desc())


def roster(session: Session, user: User, activity: Activity) -> Sequence[Attendance]:
    """Those of the list whom the user may see, by case number."""
    query = (
        select(Attendance)
        .join(Attendance.case)
        .where(Attendance.activity_id == activity.id, visible(user))
        .options(joinedload(Attendance.case).joinedload(Case.person))
    )
    return session.scalars(query.order_by(Case.number)).all()
