"""The facts under a measure: rows of the file that a person found true, or documents.

What only a machine has seen is none: a duty counts once its window is over and it was missed or
late, an incident once an officer closed it with a cause that is no innocent one, a check-in once a
second person confirmed that it was somebody else.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyState
from models.discipline import FactKind, Measure, MeasureFact
from models.errors import Invalid, Refused
from models.incident import Cause, Incident, IncidentState
from models.leave import Leave
from models.review import not_the_person

GROUNDLESS = frozenset({"points", "entry", "draft", "score", "level", "flag", "suggestion"})
FOUND = (Cause.LEFT_WITHOUT_APPROVAL, Cause.TAMPERED, Cause.OTHER)
MOST_REFERENCE = 64
Rows = Callable[[Case, int], Select[Any]]


def _duty(case: Case, number: int) -> Select[Any]:
    failed = CheckInDuty.state.in_((DutyState.MISSED, DutyState.LATE))
    return select(CheckInDuty.id).where(
        CheckInDuty.id == number, CheckInDuty.case_id == case.id, failed
    )


def _incident(case: Case, number: int) -> Select[Any]:
    closed = (Incident.state == IncidentState.CLOSED, Incident.cause.in_(FOUND))
    return select(Incident.id).where(Incident.id == number, Incident.case_id == case.id, *closed)


def _checkin(case: Case, number: int) -> Select[Any]:
    mine = (CheckIn.id == number, CheckIn.case_id == case.id)
    return select(CheckIn.id).where(*mine, not_the_person())


def _leave(case: Case, number: int) -> Select[Any]:
    return select(Leave.id).where(Leave.id == number, Leave.case_id == case.id)


def _measure(case: Case, number: int) -> Select[Any]:
    return select(Measure.id).where(Measure.id == number, Measure.case_id == case.id)


ROWS: Mapping[FactKind, Rows] = {
    FactKind.DUTY: _duty,
    FactKind.INCIDENT: _incident,
    FactKind.CHECKIN: _checkin,
    FactKind.LEAVE: _leave,
    FactKind.MEASURE: _measure,
}


def linked(session: Session, case: Case, named: Sequence[str]) -> list[MeasureFact]:
    """Return the facts named like duty:17 or document:〔2026〕12号 as rows under a measure.

    `Refused` for points, a level or a score; `Invalid` for one that is not this person's, or that
    nobody found true.
    """
    return [_linked(session, case, name.strip()) for name in dict.fromkeys(named) if name.strip()]


def _linked(session: Session, case: Case, name: str) -> MeasureFact:
    kind, _, reference = name.partition(":")
    if kind in GROUNDLESS:
        raise Refused(
            "Points, levels and scores are never the ground: link the facts underneath.",
            field="facts",
        )
    if kind not in set(FactKind) or not 0 < len(reference) <= MOST_REFERENCE:
        raise Invalid("Name a fact like duty:17 or document:its number.", field="facts")
    fact = MeasureFact(kind=FactKind(kind), reference=reference)
    if fact.kind is not FactKind.DOCUMENT and not _holds(session, case, fact):
        raise Invalid(
            "This fact is not on the file of this person, or no officer has found it true.",
            field="facts",
        )
    return fact


def _holds(session: Session, case: Case, fact: MeasureFact) -> bool:
    if not fact.reference.isdecimal():
        return False
    return session.scalar(ROWS[fact.kind](case, int(fact.reference))) is not None


def candidates(session: Session, case: Case) -> list[tuple[str, Any]]:
    """Return what of the file could be linked, latest first, each with the row that says it."""
    failed = CheckInDuty.state.in_((DutyState.MISSED, DutyState.LATE))
    duties = select(CheckInDuty).where(CheckInDuty.case_id == case.id, failed)
    closed = (Incident.state == IncidentState.CLOSED, Incident.cause.in_(FOUND))
    incidents = select(Incident).where(Incident.case_id == case.id, *closed)
    measures = select(Measure).where(Measure.case_id == case.id)
    queries: tuple[tuple[FactKind, Select[Any]], ...] = (
        (FactKind.DUTY, duties.order_by(CheckInDuty.id.desc()).limit(20)),
        (FactKind.INCIDENT, incidents.order_by(Incident.id.desc()).limit(20)),
        (FactKind.MEASURE, measures.order_by(Measure.id.desc()).limit(20)),
    )
    return [
        (f"{kind.value}:{row.id}", row) for kind, query in queries for row in session.scalars(query)
    ]
