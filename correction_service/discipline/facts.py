"""The facts under a measure: rows of the file that a person found true, or documents.

What only a machine has seen is none: a duty counts once its window is over and it was missed or
late, an incident once an officer closed it with a cause that is no innocent one, a check-in once a
second person confirmed that it was somebody else, a leave once its return was late, a lesson once
its list was closed and no reason is known, a measure once it is in force. What was found protected
is none any more, whoever asks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, select
from sqlalchemy.orm import Session

from models.activity import Attendance
from models.assessment import protected
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyState
from models.discipline import FactKind, Measure, MeasureFact, in_force
from models.errors import Invalid, Refused
from models.incident import Cause, Incident, IncidentState
from models.leave import Leave, late
from models.offline_list import missed
from models.review import not_the_person

GROUNDLESS = frozenset({"points", "entry", "draft", "score", "level", "flag", "suggestion"})
FOUND = (Cause.LEFT_WITHOUT_APPROVAL, Cause.TAMPERED, Cause.OTHER)
MOST_REFERENCE = 64
TRUE: Mapping[FactKind, tuple[type[Any], ColumnElement[bool]]] = {
    FactKind.DUTY: (CheckInDuty, CheckInDuty.state.in_((DutyState.MISSED, DutyState.LATE))),
    FactKind.INCIDENT: (
        Incident,
        and_(Incident.state == IncidentState.CLOSED, Incident.cause.in_(FOUND)),
    ),
    FactKind.CHECKIN: (CheckIn, not_the_person()),
    FactKind.LEAVE: (Leave, late()),
    FactKind.MEASURE: (Measure, in_force()),
    FactKind.ATTENDANCE: (Attendance, missed()),
}
OFFERED = (FactKind.DUTY, FactKind.ATTENDANCE, FactKind.INCIDENT, FactKind.MEASURE)


def _found(kind: FactKind, case: Case) -> Select[Any]:
    table, true = TRUE[kind]
    spared = protected(case.id, f"{kind}:" + cast(table.id, String))
    return select(table).where(table.case_id == case.id, true, ~spared)


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
    table, _ = TRUE[fact.kind]
    row = _found(fact.kind, case).where(table.id == int(fact.reference))
    return session.scalar(row) is not None


def candidates(session: Session, case: Case) -> list[tuple[str, Any]]:
    """Return what of the file could be linked, latest first, each with the row that says it."""
    return [
        (f"{kind.value}:{row.id}", row)
        for kind in OFFERED
        for row in session.scalars(_found(kind, case).order_by(TRUE[kind][0].id.desc()).limit(20))
    ]
