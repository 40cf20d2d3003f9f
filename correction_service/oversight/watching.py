"""What the register shows to who watches over the law: facts by rule, none of which accuses.

Each rule is one set-based question; the number of days comes from the law's table of watches.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, joinedload

from correction_service import hours
from correction_service.casework import findings
from correction_service.discipline.facts import FOUND
from correction_service.law import clock_rules, watch_rules
from correction_service.law.watch_rules import Watch
from correction_service.scope import visible
from models.assessment import Objection, ObjectionState
from models.base import Base
from models.case import ENDED, Case, CaseState, Category
from models.checkin import CheckIn, CheckInDuty, DutyState
from models.clock import LegalClock
from models.device import Binding
from models.discipline import FactKind, Measure, MeasureFact, MeasureState
from models.incident import Incident, IncidentState
from models.order import PositioningOrder
from models.order_paper import OrderPaper, Paper
from models.points import PointsEntry
from models.review import not_the_person
from models.risk import FlagKind, FlagState, RiskFlag
from models.search import SearchRecord, SearchState
from models.user import User

MOST = 200  # of one kind; the page says when there are more
CUSTODY_CLOCK = "arrest_custody"
DETAINED_SINCE = func.coalesce(Case.detained_since, Case.state_since)
Row = TypeVar("Row", bound=Base)


class Fact(StrEnum):
    """What a row of the register shows."""

    INCIDENT_FOUND_TRUE = "incident_found_true"
    STAND_IN_CONFIRMED = "stand_in_confirmed"
    CUSTODY_CLOCK_RUNS = "custody_clock_runs"
    ASKED_IN_CUSTODY = "asked_in_custody"
    DEDUCTED_IN_CUSTODY = "deducted_in_custody"
    NOT_REPORTED_IN = "not_reported_in"
    REPORTED_IN_LATE = "reported_in_late"
    BRACELET_ON = "bracelet_on"
    ORDER_NOT_COPIED = "order_not_copied"
    DECISION_NOT_COPIED = "decision_not_copied"
    OBJECTION_OPEN = "objection_open"


@dataclass(frozen=True)
class Noticed:
    """One row that a rule lists: whose, since when, what it shows, and the row itself."""

    case: Case
    since: datetime
    fact: Fact
    subject: Base


class Asked(NamedTuple):
    """Whose cases, by which rule, as of when."""

    mine: ColumnElement[bool]
    rule: Watch
    now: datetime

    @property
    def before(self) -> datetime:
        """What happened since is too fresh to be listed."""
        return self.now - timedelta(days=self.rule.days)


def noticed(session: Session, user: User, name: str, now: datetime) -> list[Noticed]:
    """What one rule lists of the agencies that a user stands for, the longest first."""
    asked = Asked(visible(user), watch_rules.rules_of(session)[name], now)
    return sorted(WATCHES[name](session, asked), key=lambda it: it.since)[:MOST]


def _unpunished(session: Session, asked: Asked) -> Iterator[Noticed]:
    breaches = select(Incident).where(
        Incident.state == IncidentState.CLOSED,
        Incident.cause.in_(FOUND),
        Incident.closed_at <= asked.before,
        ~_rests_on(FactKind.INCIDENT, Incident.id),
    )
    for incident in _of(session, breaches.join(Incident.case), asked, Incident.case):
        since = incident.closed_at or incident.since
        yield Noticed(incident.case, since, Fact.INCIDENT_FOUND_TRUE, incident)
    stand_ins = select(CheckIn).where(
        not_the_person(), CheckIn.at <= asked.before, ~_rests_on(FactKind.CHECKIN, CheckIn.id)
    )
    for checkin in _of(session, stand_ins.join(CheckIn.case), asked, CheckIn.case):
        yield Noticed(checkin.case, checkin.at, Fact.STAND_IN_CONFIRMED, checkin)


def _rests_on(kind: FactKind, number: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Whether a measure names the row, also one that a person refused: that was decided too."""
    named = MeasureFact.reference == cast(number, String)
    return exists().where(MeasureFact.kind == kind, named)


def _not_suspended(session: Session, asked: Asked) -> Iterator[Noticed]:
    clocks = select(LegalClock).where(
        LegalClock.rule == CUSTODY_CLOCK,
        LegalClock.stopped_at.is_(None),
        LegalClock.starts_at <= asked.before,
        Case.state != CaseState.DETAINED,
    )
    for clock in _of(session, clocks.join(LegalClock.case), asked, LegalClock.case):
        yield Noticed(clock.case, clock.starts_at, Fact.CUSTODY_CLOCK_RUNS, clock)
    duties = select(CheckInDuty).where(
        Case.state == CaseState.DETAINED,
        CheckInDuty.closes_at >= DETAINED_SINCE,
        CheckInDuty.opens_at <= asked.before,
        CheckInDuty.state.in_((DutyState.DUE, DutyState.MISSED, DutyState.LATE)),
    )
    for duty in _of(session, duties.join(CheckInDuty.case), asked, CheckInDuty.case):
        yield Noticed(duty.case, duty.opens_at or asked.now, Fact.ASKED_IN_CUSTODY, duty)
    yield from _deducted_in_custody(session, asked)


def _deducted_in_custody(session: Session, asked: Asked) -> Iterator[Noticed]:
    """Entries of days in custody, made since it began; one that was taken back is none."""
    back = aliased(PointsEntry)
    query = (
        select(PointsEntry, Case)
        .join(Case, Case.id == PointsEntry.case_id)
        .where(
            asked.mine,
            Case.state == CaseState.DETAINED,
            PointsEntry.points < 0,
            PointsEntry.reverses_id.is_(None),
            PointsEntry.made_at > DETAINED_SINCE,
            PointsEntry.made_at <= asked.before,
            ~exists().where(back.reverses_id == PointsEntry.id),
        )
        .options(joinedload(Case.person), joinedload(Case.office))
    )
    for entry, case in session.execute(query.order_by(PointsEntry.made_at).limit(MOST)):
        began = case.detained_since or hours.day_end(hours.local_day(case.state_since))
        if entry.happened_on >= hours.local_day(began):
            yield Noticed(case, entry.made_at, Fact.DEDUCTED_IN_CUSTODY, entry)


def _late(session: Session, asked: Asked) -> Iterator[Noticed]:
    """Neither a measure, a declared search nor a handled flag: nobody did anything about it."""
    day = hours.local_day(asked.before)
    acted = or_(
        exists().where(Measure.case_id == Case.id),
        exists().where(SearchRecord.case_id == Case.id, SearchRecord.state != SearchState.DRAFT),
        exists().where(
            RiskFlag.case_id == Case.id,
            RiskFlag.kind == FlagKind.LATE_TO_REPORT,
            RiskFlag.state == FlagState.HANDLED,
        ),
    )
    late = or_(findings.not_reported(session, day), _reported(day))
    query = select(Case).where(asked.mine, Case.state.not_in(ENDED), late, ~acted)
    whose = (joinedload(Case.person), joinedload(Case.office))
    for case in session.scalars(query.options(*whose).order_by(Case.effective_on)):
        by = clock_rules.report_by(session, case.effective_on)
        if by is None or (case.reported_on is not None and case.reported_on <= by):
            continue
        fact = Fact.REPORTED_IN_LATE if case.reported_on else Fact.NOT_REPORTED_IN
        yield Noticed(case, hours.day_end(by), fact, case)


def _reported(day: date) -> ColumnElement[bool]:
    """Reported in by then; whether that was late is for the calendar to say."""
    theirs = Case.category != Category.OUTSIDE_PRISON
    return and_(theirs, Case.reported_on <= day, Case.reported_on > Case.effective_on)


def _still_worn(session: Session, asked: Asked) -> Iterator[Noticed]:
    """The last order of somebody whose bracelet is not off by the register."""
    later = aliased(PositioningOrder)
    order = PositioningOrder
    over = func.coalesce(order.lifted_at, order.ends_at)
    query = select(order).where(
        over <= asked.before,
        exists().where(Binding.case_id == order.case_id, Binding.unbound_at.is_(None)),
        ~exists().where(later.case_id == order.case_id, later.starts_at > order.starts_at),
    )
    for found in _of(session, query.join(order.case), asked, order.case):
        yield Noticed(found.case, found.lifted_at or found.ends_at, Fact.BRACELET_ON, found)


def _not_copied(session: Session, asked: Asked) -> Iterator[Noticed]:
    papers = select(OrderPaper).where(
        OrderPaper.kind == Paper.PROCURATORATE_COPY,
        OrderPaper.sent_at.is_(None),
        PositioningOrder.approved_at <= asked.before,
        asked.mine,
    )
    case = joinedload(OrderPaper.order).joinedload(PositioningOrder.case)
    whose = (case.joinedload(Case.person), case.joinedload(Case.office))
    papers = papers.join(OrderPaper.order).join(PositioningOrder.case).options(*whose)
    for paper in session.scalars(papers.order_by(OrderPaper.id).limit(MOST)):
        order = paper.order
        yield Noticed(order.case, order.approved_at, Fact.ORDER_NOT_COPIED, order)
    undecided = (MeasureState.PREPARED, MeasureState.REFUSED)
    measures = select(Measure).where(
        Measure.state.not_in(undecided),
        Measure.copied_at.is_(None),
        Measure.decided_at <= asked.before,
    )
    for measure in _of(session, measures.join(Measure.case), asked, Measure.case):
        since = measure.decided_at or measure.prepared_at
        yield Noticed(measure.case, since, Fact.DECISION_NOT_COPIED, measure)


def _unanswered(session: Session, asked: Asked) -> Iterator[Noticed]:
    past = Objection.due_on < hours.local_day(asked.before)
    query = select(Objection).where(Objection.state == ObjectionState.OPEN, past)
    for objection in _of(session, query.join(Objection.case), asked, Objection.case):
        since = hours.day_end(objection.due_on)
        yield Noticed(objection.case, since, Fact.OBJECTION_OPEN, objection)


def _of(
    session: Session,
    query: Select[Row],
    asked: Asked,
    case: InstrumentedAttribute[Case],
) -> Iterator[Row]:
    """The rows of the cases that are asked about, with whose they are."""
    whose = joinedload(case)
    beside = (whose.joinedload(Case.person), whose.joinedload(Case.office))
    yield from session.scalars(query.where(asked.mine).options(*beside).limit(MOST))


WATCHES: Mapping[str, Callable[[Session, Asked], Iterator[Noticed]]] = {
    "breach_unpunished": _unpunished,
    "detained_not_suspended": _not_suspended,
    "late_without_action": _late,
    "order_over_still_worn": _still_worn,
    "copy_missing": _not_copied,
    "objection_unanswered": _unanswered,
}
