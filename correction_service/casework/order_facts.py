"""The facts under a ground to position: rows of the file that an officer found true, or documents.

What only a machine has seen is no fact here: an incident counts once an officer closed it with a
cause that is no innocent one, a leave once its return was late.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from models.case import Case
from models.discipline import ENDS, Measure, MeasureKind, MeasureState
from models.errors import Invalid
from models.incident import Cause, Incident, IncidentKind, IncidentState
from models.leave import Leave, LeaveState, late
from models.order import ASKED, Ground
from models.order_evidence import MEASURES, EvidenceKind, OrderEvidence

FOUND = frozenset({Cause.LEFT_WITHOUT_APPROVAL, Cause.TAMPERED, Cause.OTHER})
BANNED = frozenset({IncidentKind.ENTERED_EXCLUSION, IncidentKind.CONTACT, IncidentKind.GATHERING})


class Fact(NamedTuple):
    """A fact as it is named from outside: a row by its id, all else by a document's number."""

    kind: str
    subject_id: int | None = None
    document: str = ""


def linked(
    session: Session, case: Case, ground: Ground, facts: Sequence[Fact]
) -> list[OrderEvidence]:
    """The facts as rows under an order; `Invalid` for one that is not the case's or not found."""
    made = [OrderEvidence.of(*fact) for fact in facts]
    for evidence in made:
        if evidence.subject_id is not None and not _holds(session, case, ground, evidence):
            raise Invalid(
                "This fact is not on the file of this person, or no officer has found it true.",
                field="facts",
            )
    return made


def _holds(session: Session, case: Case, ground: Ground, evidence: OrderEvidence) -> bool:
    if evidence.kind is EvidenceKind.INCIDENT:
        mine = (Incident.id == evidence.subject_id, _confirmed(case, ground))
        return session.scalar(select(Incident.id).where(*mine)) is not None
    if evidence.kind is EvidenceKind.LEAVE:
        leave = (Leave.id == evidence.subject_id, Leave.case_id == case.id, _late())
        return session.scalar(select(Leave.id).where(*leave)) is not None
    if evidence.kind in MEASURES:
        measure = (Measure.id == evidence.subject_id, _counting(case, evidence.kind))
        return session.scalar(select(Measure.id).where(*measure)) is not None
    return False


def _confirmed(case: Case, ground: Ground) -> ColumnElement[bool]:
    """Incidents that an officer closed with a cause that this ground can rest on."""
    closed = and_(Incident.case_id == case.id, Incident.state == IncidentState.CLOSED)
    if ground is Ground.LEFT_WITHOUT_APPROVAL:
        return and_(closed, Incident.cause == Cause.LEFT_WITHOUT_APPROVAL)
    if ground is Ground.PROHIBITION_BREACHED:
        return and_(closed, Incident.kind.in_(BANNED), Incident.cause.in_(FOUND))
    return and_(closed, Incident.cause.in_(FOUND))


def _late() -> ColumnElement[bool]:
    """Leaves from which the person came back after the end."""
    return and_(Leave.state == LeaveState.RETURNED, late())


COUNTING: dict[EvidenceKind, tuple[frozenset[MeasureKind], frozenset[MeasureState]]] = {
    EvidenceKind.WARNING: (frozenset({MeasureKind.WARNING}), frozenset({MeasureState.DECIDED})),
    EvidenceKind.PENALTY: (
        frozenset({MeasureKind.PUBLIC_SECURITY}),
        frozenset({MeasureState.GRANTED}),
    ),
    EvidenceKind.PROPOSAL: (  # it is to be made, so it need not be decided
        frozenset(ENDS),
        frozenset({MeasureState.PREPARED, MeasureState.DECIDED}),
    ),
}
GROUND_OF = {
    EvidenceKind.WARNING: Ground.REFUSED_REPORTING_WARNED,
    EvidenceKind.PENALTY: Ground.BREACH_PENALISED,
    EvidenceKind.PROPOSAL: Ground.REVOCATION_PROPOSED,
}


def _counting(case: Case, kind: EvidenceKind) -> ColumnElement[bool]:
    """Measures of a case that stand: a warning decided, a penalty imposed, a proposal to make."""
    kinds, states = COUNTING[kind]
    return and_(Measure.case_id == case.id, Measure.kind.in_(kinds), Measure.state.in_(states))


class Candidate(NamedTuple):
    """A row of the file that an order could rest on, and under which grounds."""

    kind: EvidenceKind
    subject_id: int
    at: datetime
    incident: Incident | None
    grounds: tuple[Ground, ...]


def candidates(session: Session, case: Case) -> list[Candidate]:
    """Every such row of a case, newest first."""
    grounds = [ground for ground in Ground if EvidenceKind.INCIDENT in ASKED[ground]]
    confirmed = or_(*(_confirmed(case, ground) for ground in grounds))
    found = [
        Candidate(EvidenceKind.INCIDENT, it.id, it.since, it, _grounds_of(it))
        for it in session.scalars(select(Incident).where(confirmed))
    ]
    overdue = select(Leave).where(Leave.case_id == case.id, _late())
    found += [
        Candidate(EvidenceKind.LEAVE, it.id, it.ends_at, None, (Ground.LEFT_WITHOUT_APPROVAL,))
        for it in session.scalars(overdue)
    ]
    found += [
        Candidate(kind, it.id, it.prepared_at, None, (GROUND_OF[kind],))
        for kind in COUNTING
        for it in session.scalars(select(Measure).where(_counting(case, kind)))
    ]
    return sorted(found, key=lambda it: it.at, reverse=True)


def _grounds_of(incident: Incident) -> tuple[Ground, ...]:
    left = incident.cause is Cause.LEFT_WITHOUT_APPROVAL
    banned = incident.kind in BANNED
    named = (
        (Ground.PROHIBITION_BREACHED, banned),
        (Ground.LEFT_WITHOUT_APPROVAL, left),
    )
    return tuple(ground for ground, holds in named if holds)
