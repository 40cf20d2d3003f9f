"""志愿者: the register, whom each is entrusted with, and hours that an officer has checked.

A volunteer sees of a person the name and the next meeting, nothing else: no offence, no place, no
picture, no other paper of the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, joinedload

from correction_service.casework import contacts
from correction_service.casework.contacts import Note
from correction_service.scope import agency_ids, case_for, visible
from models.activity import Activity, ActivityState, Attendance, AttendanceState
from models.case import ENDED, Case, TeamMember
from models.errors import Forbidden, Invalid, NotFound
from models.user import Permission, Role, User
from models.volunteer import Contact, Volunteer, VolunteerState


@dataclass(frozen=True)
class Entrusted:
    """All that a volunteer sees of a person."""

    case_id: int
    name: str
    meeting: str | None
    place: str | None
    starts_at: datetime | None


def propose(
    session: Session, user: User, *, name: str, skills: str, username: str, now: datetime
) -> Volunteer:
    """Put somebody on the register; somebody else accepts them."""
    _refuse_unless(user)
    if not name.strip():
        raise Invalid("The name is missing.", field="name")
    made = Volunteer(
        agency_id=user.agency_id,
        name=name.strip(),
        skills=skills.strip() or None,
        user_id=_account(session, user, username.strip()),
        state=VolunteerState.PROPOSED,
        made_by=user.id,
        made_at=now,
    )
    session.add(made)
    session.flush()
    return made


def _account(session: Session, user: User, username: str) -> int | None:
    if not username:
        return None
    theirs = (User.username == username, User.agency_id == user.agency_id, User.active)
    taken = exists().where(Volunteer.user_id == User.id)
    seat = User.role == Role.VOLUNTEER
    account = session.scalar(select(User.id).where(*theirs, seat, ~taken))
    if account is None:
        raise Invalid("Your agency has no such free account of a volunteer.", field="username")
    return account


def review(
    session: Session, user: User, volunteer_id: int, note: str, now: datetime, *, accept: bool
) -> Volunteer:
    """Accept a volunteer or end it; an ended one sees nobody from then on."""
    _refuse_unless(user)
    query = select(Volunteer).where(
        Volunteer.id == volunteer_id, Volunteer.agency_id == user.agency_id
    )
    volunteer = session.scalar(query.with_for_update(of=Volunteer))
    if volunteer is None:
        raise NotFound("Your agency has no such volunteer.")
    volunteer.review(user.id, now, note, accept=accept)
    session.flush()
    return volunteer


def _refuse_unless(user: User) -> None:
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")


def register(session: Session, user: User) -> Sequence[tuple[Volunteer, int]]:
    """Every volunteer of the user's agencies with the minutes that were checked."""
    minutes = func.coalesce(func.sum(Contact.minutes), 0)
    query = (
        select(Volunteer, minutes)
        .outerjoin(Contact, (Contact.volunteer_id == Volunteer.id) & Contact.counts)
        .where(Volunteer.agency_id.in_(agency_ids(user.agency_id)))
        .group_by(Volunteer.id)
        .order_by(Volunteer.id)
    )
    return [(volunteer, int(spent)) for volunteer, spent in session.execute(query)]


def of_account(session: Session, user: User) -> Volunteer:
    """Return the accepted volunteer whose seat this is."""
    mine = (Volunteer.user_id == user.id, Volunteer.state == VolunteerState.ACCEPTED)
    volunteer = session.scalar(select(Volunteer).where(*mine))
    if volunteer is None or not user.may(Permission.ACCOMPANY):
        raise Forbidden("No officer has accepted you as a volunteer yet.")
    return volunteer


def entrusted(session: Session, user: User, now: datetime) -> list[Entrusted]:
    """Whom a volunteer accompanies, with the next meeting of each."""
    of_account(session, user)
    cases = session.scalars(_cases(user).options(joinedload(Case.person)).order_by(Case.id))
    return [_entrusted(session, case, now) for case in cases]


def _cases(user: User) -> Select[Case]:
    mine = exists().where(TeamMember.case_id == Case.id, TeamMember.user_id == user.id)
    return select(Case).where(mine, Case.state.not_in(ENDED), Case.agency_id == user.agency_id)


def _entrusted(session: Session, case: Case, now: datetime) -> Entrusted:
    query = (
        select(Activity)
        .join(Activity.attendances)
        .where(
            Attendance.case_id == case.id,
            Attendance.state == AttendanceState.INVITED,
            Activity.state == ActivityState.PLANNED,
            Activity.ends_at >= now,
        )
    )
    activity = session.scalars(query.order_by(Activity.starts_at)).first()
    if activity is None:
        return Entrusted(case.id, case.person.name, None, None, None)
    return Entrusted(case.id, case.person.name, activity.title, activity.place, activity.starts_at)


def write(session: Session, user: User, case_id: int, note: Note, now: datetime) -> Contact:
    """A volunteer writes down a visit or a call; the hours wait for an officer."""
    volunteer = of_account(session, user)
    case = session.scalar(_cases(user).where(Case.id == case_id))
    if case is None:
        raise NotFound("Nobody of this number is entrusted to you.")
    return contacts.add(session, user, case, note, now, volunteer=volunteer)


def own(session: Session, user: User) -> Sequence[Contact]:
    """What a volunteer wrote down, the latest first."""
    query = select(Contact).where(Contact.volunteer_id == of_account(session, user).id)
    return session.scalars(query.order_by(Contact.happened_at.desc()).limit(50)).all()


def unchecked(session: Session, user: User) -> Sequence[Contact]:
    """What volunteers wrote down of the user's cases that nobody has checked, the oldest first."""
    query = (
        select(Contact)
        .join(Contact.case)
        .where(visible(user), Contact.volunteer_id.is_not(None), Contact.checked_at.is_(None))
        .options(joinedload(Contact.case).joinedload(Case.person), joinedload(Contact.volunteer))
    )
    return session.scalars(query.order_by(Contact.id).limit(200)).all()


def check(session: Session, user: User, contact_id: int, now: datetime, *, counts: bool) -> Contact:
    """An officer checks a volunteer's hours."""
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise NotFound("There is no such visit or call in your offices.")
    case_for(session, user, contact.case_id, Permission.SUPERVISE)
    session.refresh(contact, with_for_update=True)
    contact.check(user.id, now, counts=counts)
    session.flush()
    return contact
