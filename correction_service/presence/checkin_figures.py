"""签到质量: how check-ins go: done, tried again, wrongly doubted, and how soon officers decide.

The database counts, a statement a question. What is said of a group of people is said from
`LEAST_PEOPLE` on; groups are never by ethnicity or belief (PIPL 28).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from correction_service import hours
from correction_service.incidents.quality import Spread, spread
from correction_service.presence import duties, serving
from correction_service.presence.serving import Gap
from correction_service.scope import visible
from correction_service.tracking import wearer_days
from models.agency import Office
from models.case import Case
from models.checkin import (
    COMPARED,
    Challenge,
    CheckIn,
    CheckInDuty,
    DutyState,
    Outcome,
    Way,
    doubtful,
)
from models.notice import Notice
from models.person import Person
from models.review import CheckInReview, ReviewConfirmation, found_to_match
from models.user import User

PERIODS = (30, 90, 365)  # days
USUAL = 90
LEAST_PEOPLE = 5  # fewer could be told apart; our rule, after PIPL 6 and 28
AGES = (18, 30, 45, 60)  # years at which a band begins
BY_MACHINE = (Way.PHONE, Way.KIOSK)
Conditions = tuple[ColumnElement[bool], ...]


class Grouping(StrEnum):
    """By what people are told apart when it is asked whom the face check wrongly doubts."""

    SEX = "sex"
    AGE = "age"
    BROWSER = "browser"
    MODEL = "model"


class Completion(NamedTuple):
    """Duties of an office, or of all: in time, late, missed, and void: these count neither way."""

    office: str | None
    done: int
    late: int
    missed: int
    void: int

    @property
    def share(self) -> float | None:
        """What part of those that count was met at all; None while none came to its end."""
        ended = self.done + self.late + self.missed
        return (self.done + self.late) / ended if ended else None


class Tries(NamedTuple):
    """Duties answered with a camera, and how many of them took more than one try.

    A try that was not finished is one too; a fault of ours is none.
    """

    duties: int
    again: int

    @property
    def share(self) -> float | None:
        """What part took more than one try."""
        return self.again / self.duties if self.duties else None


class Group(NamedTuple):
    """Check-ins with a face compared: how many officers had to look at, and found to be right."""

    name: str | None  # None: not known
    people: int
    compared: int
    doubted: int
    overturned: int

    @property
    def share(self) -> float:
        """What part of all comparisons was doubted wrongly: what the person had to put up with."""
        return self.overturned / self.compared


@dataclass(frozen=True)
class Groups:
    """Groups large enough to be told of, and how many were too small."""

    shown: Sequence[Group]
    hidden: int


@dataclass(frozen=True)
class Figures:
    """All of it in [since, until)."""

    since: datetime
    until: datetime
    completion: Completion
    offices: Sequence[Completion]
    tries: Tries
    groups: dict[Grouping, Groups]
    first_look: Spread  # from the check-in to an officer's first finding
    second_look: Spread  # from a no-match to the second person's agreement
    gaps: Sequence[Gap]  # when our own pages were down
    voids: dict[str, int]  # duties that count neither way, by the code of the reason

    @property
    def excused(self) -> int:
        """Duties that nobody could meet since our own pages were down."""
        return self.voids.get(duties.SERVICE_DOWN, 0)


def measure(
    session: Session, user: User, days: int, now: datetime, office_id: int | None = None
) -> Figures:
    """Count what was asked and sent in the last `days` days, of the cases that the user sees."""
    since = now - timedelta(days=days)
    cases: Conditions = (visible(user),)
    if office_id is not None:
        cases = (*cases, Case.office_id == office_id)
    made = (*cases, CheckIn.at >= since, CheckIn.at < now)
    asked: Conditions = (*cases, _ended(since, now))
    offices = _completion(session, asked)
    return Figures(
        since=since,
        until=now,
        completion=_total(offices),
        offices=offices,
        tries=_tries(session, made),
        groups={by: _groups(session, made, by, hours.local_day(now)) for by in Grouping},
        first_look=_first_look(session, made),
        second_look=_second_look(session, made),
        gaps=serving.gaps(session, since, now),
        voids=_voids(session, asked),
    )


def _ended(since: datetime, until: datetime) -> ColumnElement[bool]:
    """Match duties that closed in that time; or were asked in it, and the request never arrived."""
    asked = exists().where(
        Notice.duty_id == CheckInDuty.id, Notice.created_at.between(since, until)
    )
    never_opened = and_(CheckInDuty.closes_at.is_(None), CheckInDuty.state == DutyState.VOID)
    return or_(CheckInDuty.closes_at.between(since, until), and_(never_opened, asked))


def _completion(session: Session, asked: Conditions) -> list[Completion]:
    counts = [
        func.sum(case((CheckInDuty.state == state, 1), else_=0))
        for state in (DutyState.DONE, DutyState.LATE, DutyState.MISSED, DutyState.VOID)
    ]
    query = select(Office.name, *counts).join(CheckInDuty.case).join(Case.office).where(*asked)
    rows = session.execute(query.group_by(Office.id, Office.name).order_by(Office.name))
    return [Completion(*row) for row in rows]


def _voids(session: Session, asked: Conditions) -> dict[str, int]:
    reason = func.coalesce(CheckInDuty.void_reason, "")
    void = (CheckInDuty.state == DutyState.VOID, *asked)
    query = select(reason, func.count(CheckInDuty.id)).join(CheckInDuty.case).where(*void)
    return dict(session.execute(query.group_by(reason)).all())


def _total(offices: Sequence[Completion]) -> Completion:
    return Completion(
        None,
        done=sum(it.done for it in offices),
        late=sum(it.late for it in offices),
        missed=sum(it.missed for it in offices),
        void=sum(it.void for it in offices),
    )


def _tries(session: Session, made: Conditions) -> Tries:
    by_machine = (*made, CheckIn.way.in_(BY_MACHINE), CheckIn.outcome != Outcome.FAULT)
    unfinished = select(func.count(Challenge.id)).where(duties.fruitless())
    seen = (
        select(CheckIn.duty_id.label("duty_id"), func.count(CheckIn.id).label("times"))
        .join(CheckIn.case)
        .where(*by_machine, CheckIn.duty_id.is_not(None))
        .group_by(CheckIn.duty_id)
        .subquery()
    )
    tries = seen.c.times + unfinished.correlate(CheckInDuty).scalar_subquery()
    again = func.coalesce(func.sum(case((tries > 1, 1), else_=0)), 0)
    each = select(func.count(), again).select_from(seen)
    return Tries(*session.execute(each.join(CheckInDuty, CheckInDuty.id == seen.c.duty_id)).one())


def _groups(session: Session, made: Conditions, by: Grouping, today: date) -> Groups:
    key = _key(by, today).label("key")
    people = func.count(Case.person_id.distinct()).label("people")
    doubted = func.sum(case((doubtful(), 1), else_=0))
    overturned = func.sum(case((doubtful() & found_to_match(), 1), else_=0))
    query = (
        select(key, people, func.count(), doubted, overturned)
        .select_from(CheckIn)
        .join(CheckIn.case)
        .join(Case.person)
        .where(*made, CheckIn.outcome.in_(COMPARED), CheckIn.way.in_(BY_MACHINE))
    )
    return large_enough([Group(*row) for row in session.execute(query.group_by(key))])


def _key(by: Grouping, today: date) -> ColumnElement[Any] | InstrumentedAttribute[str | None]:
    if by is Grouping.SEX:
        return cast(Person.sex, String)
    if by is Grouping.BROWSER:
        return CheckIn.browser
    if by is Grouping.MODEL:
        return CheckIn.phone_model
    bands: list[tuple[ColumnElement[bool], ColumnElement[Any]]]
    bands = [(Person.born_on.is_(None), literal(None))]
    bands += [
        (Person.born_on <= _years_before(today, age), literal(str(age))) for age in AGES[::-1]
    ]
    return case(*bands, else_="0")


def _years_before(day: date, years: int) -> date:
    """The last birthday of those who are so old on `day`; one on 29 February is of 1 March."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def large_enough(groups: Sequence[Group]) -> Groups:
    """Leave out groups of too few people; never one alone: all minus the others gives it."""
    by_size = sorted(groups, key=lambda group: group.people)
    hidden = sum(group.people < LEAST_PEOPLE for group in by_size)
    if hidden == 1 and len(by_size) > 1:
        hidden = 2
    shown = by_size[hidden:]
    return Groups(sorted(shown, key=lambda group: group.name or ""), hidden)


def _first_look(session: Session, made: Conditions) -> Spread:
    first = (
        select(CheckInReview.checkin_id, func.min(CheckInReview.at).label("at"))
        .group_by(CheckInReview.checkin_id)
        .subquery()
    )
    waited = wearer_days.seconds(session, first.c.at) - wearer_days.seconds(session, CheckIn.at)
    query = select(waited).select_from(CheckIn).join(first, first.c.checkin_id == CheckIn.id)
    return spread(list(session.scalars(query.join(CheckIn.case).where(*made, doubtful()))))


def _second_look(session: Session, made: Conditions) -> Spread:
    ends, begins = (
        wearer_days.seconds(session, it) for it in (ReviewConfirmation.at, CheckInReview.at)
    )
    query = select(ends - begins).select_from(ReviewConfirmation).join(ReviewConfirmation.review)
    found = query.join(CheckInReview.checkin).join(CheckIn.case).where(*made)
    return spread(list(session.scalars(found)))
