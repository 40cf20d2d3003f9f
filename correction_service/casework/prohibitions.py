"""禁止令: what courts forbid, as an officer enters it, and the reports that are due on it (IM 24).

How often somebody reports is set with the order, case by case: the law names no number. A report
that is late is a clock past its end and nothing else; only an officer finds a breach.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from correction_service import hours, outbox
from correction_service.law.clock_rules import Due, Limit
from correction_service.law.legal_days import calendar_of
from correction_service.people.cases import open_case_for
from correction_service.scope import case_for
from models.case import Case, supervised_on
from models.errors import Invalid, NotFound
from models.prohibition import ProhibitionOrder, ProhibitionReport
from models.user import Permission, User

CLOCK = "prohibition_report"
MOST = 500
MOST_DAYS = 366
MOST_WORDS, MOST_NUMBER, MOST_COURT, MOST_WHY = 2000, 64, 200, 400


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An order as its paper says it, and in how many days a report on it is due."""

    court: str
    number: str
    forbids: str
    starts_on: date
    ends_on: date
    report_days: int


@dataclass(frozen=True)
class Awaited:
    """A report that is awaited: on which order, counted from when, and until when."""

    order: ProhibitionOrder
    began: datetime
    due: Due


def enter(
    session: Session, user: User, case_id: int, wanted: Wanted, now: datetime
) -> ProhibitionOrder:
    """Enter a court's order; `Invalid` names the field."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    _check(wanted)
    made = ProhibitionOrder(
        case=case,
        court=wanted.court.strip(),
        number=wanted.number.strip(),
        forbids=wanted.forbids.strip(),
        starts_on=wanted.starts_on,
        ends_on=wanted.ends_on,
        report_days=wanted.report_days,
        made_by=user.id,
        made_at=now,
    )
    session.add(made)
    _changed(session, case, now)
    return made


def _check(wanted: Wanted) -> None:
    for field, most in (("court", MOST_COURT), ("number", MOST_NUMBER), ("forbids", MOST_WORDS)):
        _check_words(getattr(wanted, field), most, field)
    if wanted.ends_on < wanted.starts_on:
        raise Invalid("The last day is before the first.", field="ends_on")
    if not 1 <= wanted.report_days <= MOST_DAYS:
        raise Invalid("Say in how many days a report is due: from 1 to 366.", field="report_days")


def _check_words(said: str, most: int, field: str) -> None:
    if not said.strip():
        raise Invalid("This is missing.", field=field)
    if len(said) > most:
        raise Invalid("At most %(most)d characters fit here.", field=field, most=most)


def report(
    session: Session, user: User, order_id: int, *, on: date, said: str, now: datetime
) -> ProhibitionReport:
    """Write down a report on an order; the next one is counted from its day."""
    order = order_for(session, user, order_id)
    open_case_for(session, user, order.case_id, Permission.SUPERVISE)
    _check_words(said, MOST_WORDS, "note")
    if on > hours.local_day(now):
        raise Invalid("This day is still to come.", field="on")
    if on < order.starts_on:
        raise Invalid("This day is before the order begins.", field="on")
    made = ProhibitionReport(
        order=order, reported_on=on, said=said.strip(), made_by=user.id, made_at=now
    )
    session.add(made)
    _changed(session, order.case, now)
    return made


def lift(
    session: Session, user: User, order_id: int, *, on: date, why: str, now: datetime
) -> ProhibitionOrder:
    """Say that an order binds no longer from a day on, and why."""
    order = order_for(session, user, order_id)
    if len(why) > MOST_WHY:
        raise Invalid("At most %(most)d characters fit here.", field="note", most=MOST_WHY)
    session.refresh(order, with_for_update=True)  # two officers do not both lift it
    order.lift(on, why, user.id)
    _changed(session, order.case, now)
    return order


def order_for(session: Session, user: User, order_id: int) -> ProhibitionOrder:
    """Return an order on a person whom the user supervises."""
    order = session.get(ProhibitionOrder, order_id)
    if order is None:
        raise NotFound("There is no such order in your offices.")
    case_for(session, user, order.case_id, Permission.SUPERVISE)
    return order


def of(session: Session, case_id: int) -> Sequence[ProhibitionOrder]:
    """The orders on a person, the latest first."""
    query = select(ProhibitionOrder).where(ProhibitionOrder.case_id == case_id)
    query = query.options(selectinload(ProhibitionOrder.reports))
    return session.scalars(query.order_by(ProhibitionOrder.id.desc())).all()


def in_force(session: Session, case_id: int, day: date) -> list[ProhibitionOrder]:
    """The orders that bind a person on a legal day."""
    return [it for it in of(session, case_id) if it.in_force(day)]


def awaited(session: Session, which: ColumnElement[bool], now: datetime) -> Iterator[Awaited]:
    """The report that is awaited on each order in force; none in custody or before reporting in."""
    day, calendar = hours.local_day(now), calendar_of(session)
    lifted = or_(ProhibitionOrder.lifted_on.is_(None), ProhibitionOrder.lifted_on > day)
    binding = (ProhibitionOrder.starts_on <= day, ProhibitionOrder.ends_on >= day, lifted)
    query = select(ProhibitionOrder).join(ProhibitionOrder.case)
    query = query.where(which, supervised_on(day), *binding).limit(MOST)
    whose = joinedload(ProhibitionOrder.case)
    beside = (whose.joinedload(Case.person), whose.joinedload(Case.office))
    query = query.options(*beside, selectinload(ProhibitionOrder.reports))
    for order in session.scalars(query.order_by(ProhibitionOrder.id)):
        began = hours.day_start(_counted_from(order))
        yield Awaited(order, began, Limit(days=order.report_days).due(began, calendar))


def _counted_from(order: ProhibitionOrder) -> date:
    """The last report, or the day on which the order and supervision had both begun.

    Never a day before the end of custody: what was not told in it is held against nobody (LCC 32).
    """
    case, reported = order.case, [it.reported_on for it in order.reports]
    back = [hours.local_day(case.counted_since)] if case.counted_since else []
    return max([order.starts_on, case.reported_on or order.starts_on, *back, *reported])


def _changed(session: Session, case: Case, now: datetime) -> None:
    session.flush()
    outbox.live(session, case, "case", case.id, now)
