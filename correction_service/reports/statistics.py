"""统计: what happened at each office in a period. The database counts, a statement a figure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from correction_service.assessment import level_changes
from correction_service.reports.periods import Period
from correction_service.scope import visible
from models.activity import Activity, ActivityKind, Attendance, AttendanceState
from models.agency import Office
from models.case import ENDED, ENDINGS, Case, CaseState, Category, EndedAs, Level
from models.checkin import CheckInDuty, DutyState
from models.discipline import ENDS, Measure, MeasureState
from models.incident import FALSE_ALARMS, Incident
from models.leave import Leave, LeaveState, late, returned
from models.points import PointsEntry
from models.user import User

TABLES = {  # figures that stand together
    "cases": ("received", "in_correction", "released", "terminated", "moved_away", "minors"),
    "endings": (*(f"ended.{it.value}" for it in EndedAs), "ended_unsaid"),
    "outcomes": (
        "revocations_proposed",
        "revocations_granted",
        "again_within_term",
        "received_again",
    ),
    "categories": tuple(f"category.{it.value}" for it in Category),
    "levels": tuple(f"level.{it.value}" for it in Level),
    "leave": ("leaves", "leaves_late"),
    "checkins": ("done", "late", "missed"),
    "incidents": ("incidents", "incidents_closed", "incidents_false"),
    "learning": ("education_minutes", "service_minutes", "education_missed"),
    "points": ("entries_plus", "entries_minus", "entries_reversed"),
}
FIGURES = tuple(name for names in TABLES.values() for name in names)
Conditions = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class Line:
    """The figures of one office; what did not happen is 0."""

    office: str
    figures: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Statistics:
    """Every office that the user sees, in order of name, and all of them together."""

    period: Period
    lines: Sequence[Line]

    @property
    def total(self) -> Counter[str]:
        """The sums over the offices."""
        return sum((line.figures for line in self.lines), Counter())


def count(session: Session, user: User, period: Period) -> Statistics:
    """Count everything of the cases that the user sees."""
    offices = dict(session.execute(_offices(user)).all())
    lines = {number: Line(name) for number, name in offices.items()}
    for name, office_id, times in _counted(session, (visible(user),), period):
        lines[office_id].figures[name] += times
    return Statistics(period, sorted(lines.values(), key=lambda line: line.office))


def _offices(user: User) -> Any:  # noqa: ANN401 - a Select of id and name
    """The offices that have or had a case."""
    query = select(Office.id, Office.name).join(Case, Case.office_id == Office.id)
    return query.where(visible(user)).distinct()


def _counted(session: Session, seen: Conditions, period: Period) -> Iterator[tuple[str, int, int]]:
    """Every figure with its office and number."""
    for name, condition in _of_cases(period).items():
        query = select(Case.office_id, func.count()).where(*seen, condition)
        for office_id, times in session.execute(query.group_by(Case.office_id)):
            yield name, office_id, times
    for prefix, column in (("category", Case.category), ("level", level_changes.on(period.last))):
        stood = select(Case.office_id, column.label("value")).where(*seen, _at_the_end(period))
        each = stood.subquery()
        counted = select(each.c.office_id, each.c.value, func.count())
        for office_id, value, times in session.execute(counted.group_by(*each.c)):
            yield f"{prefix}.{value}", office_id, times
    ended = and_(Case.ended_as.is_not(None), _within(Case.state_since, period))
    ways = select(Case.office_id, Case.ended_as, func.count()).where(*seen, ended)
    for office_id, value, times in session.execute(ways.group_by(Case.office_id, Case.ended_as)):
        yield f"ended.{value}", office_id, times
    for row, kind, figures in _happened(period):
        happened = select(Case.office_id, *figures.values()).join(row, row.case_id == Case.id)
        happened = happened.where(*seen, kind)
        for office_id, *counts in session.execute(happened.group_by(Case.office_id)):
            for name, times in zip(figures, counts, strict=True):
                yield name, office_id, times or 0


def _of_cases(period: Period) -> dict[str, ColumnElement[bool]]:
    begun = Case.reported_on.between(period.first, period.last)
    return {
        "received": begun,
        "in_correction": _at_the_end(period),
        "released": _ended_as(CaseState.RELEASED, period),
        "terminated": _ended_as(CaseState.TERMINATED, period),
        "ended_unsaid": and_(
            Case.ended_as.is_(None),
            or_(*(_ended_as(state, period) for state in ENDINGS)),
        ),
        "moved_away": _ended_as(CaseState.TRANSFERRED, period),
        "minors": and_(_at_the_end(period), Case.minor),
        "again_within_term": and_(_before(within_term=True), _effective(period)),
        "received_again": and_(begun, _before(within_term=False)),
    }


def _ended_as(state: CaseState, period: Period) -> ColumnElement[bool]:
    return and_(Case.state == state, _within(Case.state_since, period))


def _before(*, within_term: bool) -> ColumnElement[bool]:
    """The person had a case before, or one within whose term this judgment took effect.

    Whoever moved away and back is under the same judgment.
    """
    earlier = aliased(Case)
    same = (earlier.person_id == Case.person_id, earlier.id < Case.id)
    moved = earlier.state == CaseState.TRANSFERRED
    another = or_(~moved, earlier.effective_on != Case.effective_on)
    during = Case.effective_on.between(earlier.term_start, earlier.term_end)
    return exists().where(*same, another, *([during] if within_term else []))


def _effective(period: Period) -> ColumnElement[bool]:
    return Case.effective_on.between(period.first, period.last)


def _at_the_end(period: Period) -> ColumnElement[bool]:
    """Under correction when the period was over."""
    goes_on = or_(Case.state.not_in(ENDED), Case.state_since >= period.until)
    return and_(Case.reported_on <= period.last, goes_on)


def _within(moment: InstrumentedAttribute[Any], period: Period) -> ColumnElement[bool]:
    return and_(moment >= period.since, moment < period.until)


def _happened(
    period: Period,
) -> Iterator[tuple[Any, ColumnElement[bool], dict[str, Any]]]:
    """The table to join cases with, what of it is in the period, and what to count of that."""
    overdue = or_(late(), returned().is_(None))
    taken = and_(_within(Leave.ends_at, period), Leave.state != LeaveState.CANCELLED)
    yield Leave, taken, {"leaves": func.count(), "leaves_late": _times(overdue)}
    states = (DutyState.DONE, DutyState.LATE, DutyState.MISSED)
    duties = {it.value: _times(CheckInDuty.state == it) for it in states}
    yield CheckInDuty, _within(CheckInDuty.closes_at, period), duties
    yield from _revocations(period)
    incidents = {
        "incidents": func.count(),
        "incidents_closed": _times(Incident.cause.is_not(None)),
        "incidents_false": _times(Incident.cause.in_(FALSE_ALARMS)),
    }
    yield Incident, _within(Incident.opened_at, period), incidents
    yield Attendance, Attendance.activity.has(_within(Activity.starts_at, period)), _learning()
    reverses = PointsEntry.reverses_id.is_not(None)
    entries = {
        "entries_plus": _times(and_(PointsEntry.points > 0, ~reverses)),
        "entries_minus": _times(and_(PointsEntry.points < 0, ~reverses)),
        "entries_reversed": _times(reverses),
    }
    happened = PointsEntry.happened_on.between(period.first, period.last)
    yield PointsEntry, happened, entries


def _learning() -> dict[str, Any]:
    """Minutes that count and lessons missed; minors are in the sums and nowhere apart."""
    lesson = Attendance.activity.has(Activity.kind == ActivityKind.EDUCATION)
    attended = Attendance.state == AttendanceState.ATTENDED
    missed = Attendance.state == AttendanceState.MISSED
    return {
        "education_minutes": _minutes(and_(attended, lesson)),
        "service_minutes": _minutes(and_(attended, ~lesson)),
        "education_missed": _times(and_(missed, lesson)),
    }


def _minutes(condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 - SQLAlchemy's sum
    return func.sum(case((condition, Attendance.minutes), else_=0))


def _revocations(
    period: Period,
) -> Iterator[tuple[Any, ColumnElement[bool], dict[str, Any]]]:
    """What the agency proposed within the period, and what courts or prisons granted in it."""
    ends = Measure.kind.in_(ENDS)
    proposed = and_(ends, Measure.state != MeasureState.REFUSED)
    decided = and_(proposed, _within(Measure.decided_at, period))
    yield Measure, decided, {"revocations_proposed": func.count()}
    granted = and_(ends, Measure.state == MeasureState.GRANTED)
    said = and_(granted, _within(Measure.outcome_at, period))
    yield Measure, said, {"revocations_granted": func.count()}


def _times(condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 - SQLAlchemy's sum
    return func.sum(case((condition, 1), else_=0))
