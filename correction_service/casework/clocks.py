"""The clocks of the law that run: opened by the register's own facts, or started by an officer.

What the register knows opens and ends its clocks by itself, so none can be forgotten or stopped
with a click: reporting in ends the clock of reporting in. The others are started with the day of
their paper and ended with what was done.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.casework import prohibitions
from correction_service.law import clock_rules, legal_days
from correction_service.law.clock_rules import ClockRule, Due
from correction_service.people.cases import open_case_for
from correction_service.scope import case_for
from models.case import ENDED, IN_HAND, Case, CaseState, Category
from models.clock import LegalClock
from models.errors import Invalid, Refused
from models.user import Permission, User

MOST = 500  # of one kind; the page says when there are more
MOST_NOTE = 400
Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Running:
    """A clock that runs; `clock` is the row of one that an officer started or has reset."""

    rule: ClockRule
    case: Case
    began: datetime
    due: Due
    clock: LegalClock | None = None

    def over(self, now: datetime) -> bool:
        """Whether its time is past."""
        return self.due.at is not None and self.due.at <= now

    @property
    def rank(self) -> tuple[bool, datetime]:
        """The nearest end first, those without one last."""
        return self.due.at is None, self.due.at or self.began


def running(
    session: Session, which: ColumnElement[bool], now: datetime, *, by: datetime | None = None
) -> list[Running]:
    """Every clock that runs for the cases that `which` matches, the nearest end first.

    `by` leaves those that are over by then.
    """
    facts = (_from_facts(session, which, now, by), _from_prohibitions(session, which, now))
    found = [*_started(session, which, by), *facts[0], *facts[1]]
    pressing = [it for it in found if by is None or (it.due.at and it.due.at <= by)]
    return sorted(pressing, key=lambda it: it.rank)


def of(case_id: int) -> ColumnElement[bool]:
    """Match one case."""
    return Case.id == case_id


def _started(
    session: Session, which: ColumnElement[bool], by: datetime | None
) -> Iterator[Running]:
    """Those with a row; what a person owes again and again ends with the case."""
    rules = clock_rules.rules_of(session)
    again = [name for name, rule in rules.items() if rule.repeats]
    query = select(LegalClock).join(LegalClock.case).where(which, LegalClock.stopped_at.is_(None))
    whose = joinedload(LegalClock.case)
    query = query.options(whose.joinedload(Case.person), whose.joinedload(Case.office))
    query = query.where(or_(LegalClock.rule.not_in(again), Case.state.not_in(ENDED)))
    if by is not None:
        query = query.where(LegalClock.due_at <= by)
    for clock in session.scalars(query.order_by(LegalClock.due_at).limit(MOST)):
        if clock.rule in rules:
            due = Due(clock.due_at, clock.exact)
            yield Running(rules[clock.rule], clock.case, clock.starts_at, due, clock)


def _from_facts(
    session: Session, which: ColumnElement[bool], now: datetime, by: datetime | None
) -> Iterator[Running]:
    rules, calendar = clock_rules.rules_of(session), legal_days.calendar_of(session)
    for name, source in FACTS.items():
        rule = rules[name]
        query = select(Case).where(which, *source.which(rule, now)).order_by(source.began)
        query = query.options(joinedload(Case.person), joinedload(Case.office)).limit(MOST)
        if by is not None and source.last_day is not None:
            query = query.where(source.last_day <= hours.local_day(by))
        for case in session.scalars(query):
            began = source.moment(case)
            due = source.due(case) if source.due else rule.due(began, calendar)
            yield Running(rule, case, began, due)


def _from_prohibitions(
    session: Session, which: ColumnElement[bool], now: datetime
) -> Iterator[Running]:
    """Each order of a court has a clock of its own, as long as the order says."""
    rule = clock_rules.rules_of(session)[prohibitions.CLOCK]
    for it in prohibitions.awaited(session, which, now):
        yield Running(rule, it.order.case, it.began, it.due)


@dataclass(frozen=True)
class Source:
    """Which cases open a clock, since when, and until when if not by the table's limit.

    `last_day` is the column that says when, where one does.
    """

    which: Callable[[ClockRule, datetime], list[ColumnElement[bool]]]
    began: Any
    moment: Callable[[Case], datetime]
    due: Callable[[Case], Due] | None = None
    last_day: Any = None


def _in_state(*states: CaseState) -> Callable[[ClockRule, datetime], list[ColumnElement[bool]]]:
    return lambda _rule, _now: [Case.state.in_(states)]


def _awaited(*, from_prison: bool) -> Callable[[ClockRule, datetime], list[ColumnElement[bool]]]:
    category = (Case.category == Category.OUTSIDE_PRISON) == from_prison
    return lambda _rule, _now: [Case.state == CaseState.AWAITING_REPORT, category]


def _ending(rule: ClockRule, now: datetime) -> list[ColumnElement[bool]]:
    ahead = timedelta(days=rule.limit.ahead_days if rule.limit else 0)
    return [Case.term_end <= hours.local_day(now) + ahead, Case.state.not_in(ENDED)]


def _never_reported(rule: ClockRule, _now: datetime) -> list[ColumnElement[bool]]:
    """Those outside prison whose first report is due: later ones have a row of their own."""
    known = exists().where(LegalClock.case_id == Case.id, LegalClock.rule == rule.name)
    return [
        Case.category == Category.OUTSIDE_PRISON,
        Case.state.in_(IN_HAND),
        Case.reported_on.is_not(None),
        ~known,
    ]


def _day_of(name: str) -> Callable[[Case], datetime]:
    def moment(case: Case) -> datetime:
        day: date = getattr(case, name)
        return hours.day_start(day)

    return moment


FACTS = {
    "report_in": Source(_awaited(from_prison=False), Case.effective_on, _day_of("effective_on")),
    "handover": Source(_awaited(from_prison=True), Case.effective_on, _day_of("effective_on")),
    "search": Source(
        _in_state(CaseState.LOST_CONTACT), Case.state_since, lambda case: case.state_since
    ),
    "detained": Source(
        _in_state(CaseState.DETAINED),
        func.coalesce(Case.detained_since, Case.state_since),
        lambda case: case.detained_since or case.state_since,
    ),
    "sentence_ends": Source(
        _ending,
        Case.term_end,
        _day_of("term_start"),
        lambda case: Due(hours.day_end(case.term_end)),
        Case.term_end,
    ),
    "health_report": Source(_never_reported, Case.reported_on, _day_of("reported_on")),
}


def start(
    session: Session, user: User, case_id: int, name: str, *, on: date, note: str, now: datetime
) -> LegalClock:
    """Start a clock of the table with the day of its paper; one of a kind runs at a time."""
    rule = clock_rules.started_by_hand(session, name)
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    session.refresh(case, with_for_update=True)  # two officers do not start two at once
    if on > hours.local_day(now):
        raise Invalid("This day has not begun.", field="on")
    _check_note(note, Invalid("Say which paper or event started it.", field="note"))
    if _row(session, case_id, name) is not None:
        raise Refused("This clock runs already. End it first.", field="rule")
    began = now if on == hours.local_day(now) else hours.day_start(on)
    return _begin(session, case, rule, began, note=note.strip(), by=user.id, now=now)


def begin_named(session: Session, case: Case, name: str, note: str, now: datetime) -> None:
    """Start a clock for what the service itself did, unless it runs already."""
    if _row(session, case.id, name) is None:
        rule = clock_rules.rules_of(session)[name]
        _begin(session, case, rule, now, note=note.strip(), by=None, now=now)


def end_named(
    session: Session, case: Case, name: str, by: int, outcome: str, *, now: datetime
) -> None:
    """End a clock with what the service wrote down of it, if it runs."""
    clock = _row(session, case.id, name)
    if clock is not None:
        clock.stop(by, max(now, clock.starts_at), outcome.strip()[:MOST_NOTE])


def done(
    session: Session, user: User, case_id: int, name: str, *, on: date, note: str, now: datetime
) -> LegalClock:
    """End a clock with what was done; a repeating one begins anew on that day.

    On an ended case, too: what a court decides after the end ends its clock.
    """
    case = case_for(session, user, case_id, Permission.SUPERVISE)
    session.refresh(case, with_for_update=True)
    if on > hours.local_day(now):
        raise Invalid("This day has not begun.", field="on")
    _check_note(note, Invalid("Say what was done.", field="note"))
    rule = clock_rules.rules_of(session).get(name)
    if rule is None:
        raise Invalid("Choose one of the list.", field="rule")
    clock = _row(session, case_id, name) or _first(session, case, rule, now)
    at = now if on == hours.local_day(now) else hours.day_start(on)
    clock.stop(user.id, max(at, clock.starts_at) if on >= _day(clock) else at, note)
    if rule.repeats and case.state not in ENDED:
        _begin(session, case, rule, at, note=note.strip(), by=user.id, now=now)
    session.flush()
    outbox.live(session, case, "case", case.id, now)
    return clock


def _day(clock: LegalClock) -> date:
    return hours.local_day(clock.starts_at)


def _check_note(note: str, missing: Invalid) -> None:
    if not note.strip():
        raise missing
    if len(note) > MOST_NOTE:
        raise Invalid("At most 400 characters fit here.", field="note")


def _first(session: Session, case: Case, rule: ClockRule, now: datetime) -> LegalClock:
    """The row of a repeating clock that the register opened; others end by their facts alone."""
    opened = (it for it in _from_facts(session, of(case.id), now, None) if it.rule is rule)
    clock = next(opened, None) if rule.repeats else None
    if clock is None:
        raise Refused("No such clock runs that could be ended here.", field="rule")
    return _begin(session, case, rule, clock.began, note="", by=None, now=now)


def _row(session: Session, case_id: int, name: str) -> LegalClock | None:
    mine = (LegalClock.case_id == case_id, LegalClock.rule == name)
    return session.scalar(select(LegalClock).where(*mine, LegalClock.stopped_at.is_(None)))


def _begin(
    session: Session,
    case: Case,
    rule: ClockRule,
    began: datetime,
    *,
    note: str,
    by: int | None,
    now: datetime,
) -> LegalClock:
    due = clock_rules.due_of(session, rule, began)
    clock = LegalClock(
        case=case,
        rule=rule.name,
        starts_at=began,
        due_at=due.at,
        exact=due.exact,
        basis=f"{rule.basis} {rule.mark.value}",
        note=note,
        started_by=by,
    )
    session.add(clock)
    session.flush()
    outbox.live(session, case, "case", case.id, now)
    return clock
