"""值班: the duty roster, and who answers for an incident now.

An office's own shift goes before one of the whole agency. A shift that is over is never changed;
one that runs is ended and another begins, so that the record says who was on duty when.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service.scope import agency_ids
from models.agency import Agency, Office
from models.case import LEGAL_ZONE, Case
from models.errors import Invalid, NotFound, Refused
from models.shift import Shift
from models.user import Permission, Role, User

LONGEST = timedelta(hours=24)
WEEK = timedelta(days=7)
HEADS = frozenset({Role.OFFICE_HEAD, Role.COUNTY_HEAD})
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Place:
    """Whose incidents: an office's, or without one all of an agency's."""

    agency_id: int
    office_id: int | None = None

    @property
    def here(self) -> ColumnElement[bool]:
        """Match its shifts, not those of the agency above or the offices below."""
        office = Shift.office_id
        return (Shift.agency_id == self.agency_id) & office.is_not_distinct_from(self.office_id)

    @property
    def cases(self) -> ColumnElement[bool]:
        """Match its cases."""
        if self.office_id is None:
            return Case.agency_id == self.agency_id
        return Case.office_id == self.office_id


@dataclass(frozen=True)
class Crew:
    """Account ids of who is on duty, who covers, and the head who answers for both."""

    officer: int
    cover: int
    head: int


class OnDuty:
    """The shifts that run at a moment, by the place that they are for."""

    def __init__(self, session: Session, now: datetime) -> None:
        running = select(Shift).where(Shift.begins_at <= now, Shift.ends_at > now)
        found = session.scalars(running).all()
        self._by_office = {it.office_id: it for it in found if it.office_id is not None}
        self._by_agency = {it.agency_id: it for it in found if it.office_id is None}

    def of(self, case: Case) -> Shift | None:
        """Return the shift that answers for a case, the office's own before the agency's."""
        return self._by_office.get(case.office_id) or self._by_agency.get(case.agency_id)

    @property
    def cases(self) -> ColumnElement[bool]:
        """Match the cases that somebody answers for."""
        if not self._by_office and not self._by_agency:
            return false()
        return or_(Case.office_id.in_(self._by_office), Case.agency_id.in_(self._by_agency))


def place_for(session: Session, user: User, agency_id: int | None, office_id: int | None) -> Place:
    """Return an office or agency that the user sees, or say that there is none such."""
    if user.office_id is not None:
        if office_id not in {None, user.office_id}:
            raise NotFound("There is no such office among yours.")
        return Place(user.agency_id, user.office_id)
    agency = agency_id or user.agency_id
    if office_id is not None:
        agency = session.get_one(Office, office_id).agency_id if _known(session, office_id) else 0
    if agency not in set(session.scalars(agency_ids(user.agency_id))):
        raise NotFound("There is no such office among yours.")
    return Place(agency, office_id)


def _known(session: Session, office_id: int) -> bool:
    return session.get(Office, office_id) is not None


def week(session: Session, place: Place, begins: datetime) -> Sequence[Shift]:
    """Return a week's shifts in order, with those that began before and last into it."""
    touching = (Shift.begins_at < begins + WEEK, Shift.ends_at > begins)
    people = (joinedload(Shift.officer), joinedload(Shift.cover), joinedload(Shift.head))
    query = select(Shift).where(place.here, *touching).options(*people)
    return session.scalars(query.order_by(Shift.begins_at)).all()


def gaps(shifts: Iterable[Shift], since: datetime, until: datetime) -> Iterator[Span]:
    """Yield the times in which nobody of these shifts, in order, is on duty."""
    covered = since
    for shift in shifts:
        if shift.begins_at >= until:
            break
        if shift.begins_at > covered:
            yield covered, shift.begins_at
        covered = max(covered, shift.ends_at)
    if covered < until:
        yield covered, until


def able(session: Session, place: Place) -> Sequence[User]:
    """Return who may be on duty at a place: they deal with incidents and see its cases."""
    there = or_(User.office_id.is_(None), User.office_id == place.office_id)
    mine = select(User).where(User.agency_id == place.agency_id, User.active, there)
    return [
        user
        for user in session.scalars(mine.order_by(User.name, User.id))
        if user.may(Permission.SUPERVISE)
    ]


def add(
    session: Session, place: Place, spans: Sequence[Span], crew: Crew, now: datetime
) -> list[Shift]:
    """Put a crew on duty for each of the spans, or for none: errors name the field to mend."""
    if not spans:
        raise Invalid("Choose a day.", field="days")
    _lock(session, place)
    _check_crew(session, place, crew)
    for span in spans:
        _check_span(session, place, span, now)
    made = [_made(place, span, crew) for span in spans]
    session.add_all(made)
    session.flush()
    return made


def change(session: Session, shift: Shift, crew: Crew, now: datetime) -> Shift:
    """Give a shift other people; one that runs ends now, and what is open is handed over."""
    _check_open(shift, now)
    place = Place(shift.agency_id, shift.office_id)
    _check_crew(session, place, crew)
    if shift.begins_at < now:
        rest = _made(place, (now, shift.ends_at), crew)
        shift.ends_at = now
        session.add(rest)
    else:
        rest = shift
        rest.officer_id, rest.cover_id, rest.head_id = crew.officer, crew.cover, crew.head
    session.flush()
    return rest


def remove(session: Session, shift: Shift, now: datetime) -> None:
    """Take a shift that has not begun off the roster."""
    _check_open(shift, now)
    if shift.runs(now):
        raise Refused("Nobody would be on duty now. Put somebody else on this shift instead.")
    session.delete(shift)
    session.flush()


def copy_week(session: Session, place: Place, begins: datetime, now: datetime) -> int:
    """Put last week's shifts into this one where it is free and not over; return how many."""
    _lock(session, place)
    before = week(session, place, begins - WEEK)
    if not before:
        raise Refused("The week before has no shift to copy.")
    copied = 0
    for shift in before:
        span = shift.begins_at + WEEK, shift.ends_at + WEEK
        if span[1] > now and _overlapping(session, place, span) is None:
            crew = Crew(shift.officer_id, shift.cover_id, shift.head_id)
            _check_crew(session, place, crew)
            session.add(_made(place, span, crew))
            session.flush()
            copied += 1
    return copied


def _lock(session: Session, place: Place) -> None:
    """Let nobody else change this agency's roster meanwhile: two could overlap unseen."""
    session.get_one(Agency, place.agency_id, with_for_update=True)


def _made(place: Place, span: Span, crew: Crew) -> Shift:
    return Shift(
        agency_id=place.agency_id,
        office_id=place.office_id,
        begins_at=span[0],
        ends_at=span[1],
        officer_id=crew.officer,
        cover_id=crew.cover,
        head_id=crew.head,
    )


def _check_open(shift: Shift, now: datetime) -> None:
    if shift.ends_at <= now:
        raise Refused("This shift is over: it stays as it was.")


def _check_span(session: Session, place: Place, span: Span, now: datetime) -> None:
    begins, ends = span
    if not timedelta(0) < ends - begins <= LONGEST:
        raise Invalid("A shift lasts up to 24 hours.", field="ends")
    if ends <= now:
        raise Invalid("This time is over already.", field="days")
    other = _overlapping(session, place, span)
    if other is not None:
        raise Invalid(
            "Somebody is on duty there already from %(since)s to %(until)s.",
            field="begins",
            since=_clock(other.begins_at),
            until=_clock(other.ends_at),
        )


def _overlapping(session: Session, place: Place, span: Span) -> Shift | None:
    begins, ends = span
    other = select(Shift).where(place.here, Shift.begins_at < ends, Shift.ends_at > begins)
    return session.scalars(other.order_by(Shift.begins_at)).first()


def _clock(at: datetime) -> str:
    return f"{at.astimezone(LEGAL_ZONE):%m-%d %H:%M}"


def _check_crew(session: Session, place: Place, crew: Crew) -> None:
    people = {"officer": crew.officer, "cover": crew.cover, "head": crew.head}
    for field, user_id in people.items():
        _check_person(session.get(User, user_id), place, field)
    if session.get_one(User, crew.head).role not in HEADS:
        raise Invalid("This account is not a head's.", field="head")
    if crew.cover == crew.officer:
        raise Invalid("Who covers is somebody else than the officer on duty.", field="cover")
    if crew.head == crew.officer:
        raise Invalid("The head is somebody else than the officer on duty.", field="head")


def _check_person(user: User | None, place: Place, field: str) -> None:
    if user is None or not user.active:
        raise Invalid("Choose an account that is in use.", field=field)
    if user.agency_id != place.agency_id:
        raise Invalid("This person belongs to another agency.", field=field)
    if user.office_id not in {None, place.office_id}:
        raise Invalid(
            "This person belongs to another office and does not see these cases.", field=field
        )
    if not user.may(Permission.SUPERVISE):
        raise Invalid("This account does not deal with incidents.", field=field)
