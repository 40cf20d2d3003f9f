"""How a case ends: by its term or a pardon, by revocation or recommitment, by death (LCC 44, 45).

A person ends it, by a paper; what the register knows of an end is offered with its ground and
never done by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from correction_service.db import among
from models.case import ENDED, ENDINGS, LEGAL_ZONE, NEXT, Case, CaseState, EndedAs
from models.discipline import ENDS, Measure, MeasureKind, MeasureState
from models.errors import Invalid, Refused
from models.points import DraftState, PointsDraft
from models.search import Finding, SearchRecord

MOST_NUMBER = 400
# Code values seen in public systems (S, not official): release 01 02 99, termination 01–04 99.
CODES = {
    EndedAs.TERM_OVER: "01",
    EndedAs.PARDON: "02",
    EndedAs.SUSPENSION_REVOKED: "01",
    EndedAs.PAROLE_REVOKED: "02",
    EndedAs.RECOMMITTED: "03",
    EndedAs.DEATH: "04",
    EndedAs.OTHER: "99",
}
BY_MEASURE = {
    MeasureKind.REVOKE_SUSPENSION: EndedAs.SUSPENSION_REVOKED,
    MeasureKind.REVOKE_PAROLE: EndedAs.PAROLE_REVOKED,
    MeasureKind.RECOMMITMENT: EndedAs.RECOMMITTED,
}
MEASURES = {ended_as: kind for kind, ended_as in BY_MEASURE.items()}


@dataclass(frozen=True)
class End:
    """How a case ends or might, and the number of the paper that says so."""

    ended_as: EndedAs
    number: str = ""

    @property
    def state(self) -> CaseState:
        """Where such an end takes a case."""
        return next(state for state, ways in ENDINGS.items() if self.ended_as in ways)


def lawful(case: Case) -> list[EndedAs]:
    """The ways in which a case may end: revocation is of its own category (LCC 46, 49)."""
    others = {it for it, kind in MEASURES.items() if ENDS[kind] is not case.category}
    return [it for it in EndedAs if it not in others]


def judged(session: Session, case: Case, state: CaseState, end: End | None, now: datetime) -> End:
    """Return the end of a case that is to be released or terminated, with its paper, or refuse it.

    `Invalid` for what was not said, `Refused` for an end that the law has not for this case.
    """
    if end is None and state is CaseState.RELEASED:
        end = End(EndedAs.TERM_OVER)
    if end is None or end.ended_as not in ENDINGS[state]:
        raise Invalid("Say how the case ends.", field="ended_as")
    if end.ended_as not in lawful(case):
        raise Refused("This end is of another category of sentence.", field="ended_as")
    number = end.number.strip() or _granted_number(session, case, end.ended_as)
    if len(number) > MOST_NUMBER:
        raise Invalid("At most 400 characters fit here.", field="number")
    _refuse_without_ground(case, end.ended_as, number, now)
    return End(end.ended_as, number)


def _refuse_without_ground(case: Case, ended_as: EndedAs, number: str, now: datetime) -> None:
    """The term is over, or a paper says why it ends before."""
    if ended_as is EndedAs.TERM_OVER:
        if now.astimezone(LEGAL_ZONE).date() < case.term_end:
            raise Refused(
                "The term has not ended: only a pardon releases before (LCC 44).", field="ended_as"
            )
    elif not number and ended_as is EndedAs.DEATH:
        raise Invalid("Give the number of the death certificate.", field="number")
    elif not number and ended_as in MEASURES:
        raise Invalid(
            "No granted proposal is on file: give the number of the decision.", field="number"
        )
    elif not number:
        raise Invalid("Give the number of the document.", field="number")


def _granted_number(session: Session, case: Case, ended_as: EndedAs) -> str:
    """What the authority granted on the agency's proposal, by its number."""
    measure = next((it for it in _granted(session, [case]) if _ends(it) is ended_as), None)
    return (measure.outcome or "") if measure else ""


def _ends(measure: Measure) -> EndedAs:
    return BY_MEASURE[measure.kind]


def _granted(session: Session, cases: Sequence[Case]) -> Sequence[Measure]:
    granted = (Measure.kind.in_(BY_MEASURE), Measure.state == MeasureState.GRANTED)
    mine = among(session, Measure.case_id, [case.id for case in cases])
    return session.scalars(select(Measure).where(mine, *granted).order_by(Measure.id)).all()


def write(session: Session, case: Case, end: End, now: datetime) -> None:
    """Write down how a case ended that was released or terminated just now."""
    case.ended_as, case.ended_by = end.ended_as, end.number or None
    if end.ended_as is EndedAs.DEATH:
        _drop_deductions(session, case, now)


def _drop_deductions(session: Session, case: Case, now: datetime) -> None:
    """Nothing counts against who has died; what nobody had decided is dropped."""
    waits = (PointsDraft.case_id == case.id, PointsDraft.state == DraftState.DRAFT)
    for draft in session.scalars(select(PointsDraft).where(*waits, PointsDraft.points < 0)):
        draft.withdraw(now, "已死亡，不再计分")


def grounds() -> ColumnElement[bool]:
    """Match cases with a ground on file to end before their term: a death, a granted proposal."""
    granted = (Measure.kind.in_(BY_MEASURE), Measure.state == MeasureState.GRANTED)
    dead = SearchRecord.finding == Finding.DEAD
    return or_(
        exists().where(Measure.case_id == Case.id, *granted),
        exists().where(SearchRecord.case_id == Case.id, dead),
    )


def offered(session: Session, cases: Sequence[Case], today: date) -> Mapping[int, End]:
    """The end of each running case that a ground is on file for: a death before all others."""
    running = [case for case in cases if case.state not in ENDED]
    found = {case.id: End(EndedAs.TERM_OVER) for case in running if today >= case.term_end}
    granted = _granted(session, running)
    found |= {it.case_id: End(_ends(it), it.outcome or "") for it in granted}
    found |= {case_id: End(EndedAs.DEATH) for case_id in _dead(session, running)}
    return {it.id: found[it.id] for it in running if it.id in found and _leads(it, found[it.id])}


def _leads(case: Case, offer: End) -> bool:
    """Whether the case can go there from where it stands: nobody is released who never came."""
    return offer.state in NEXT[case.state]


def _dead(session: Session, cases: Sequence[Case]) -> Iterator[int]:
    mine = among(session, SearchRecord.case_id, [case.id for case in cases])
    found = select(SearchRecord.case_id).where(mine, SearchRecord.finding == Finding.DEAD)
    yield from session.scalars(found)
