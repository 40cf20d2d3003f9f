"""The lists of the procurator's seat: orders, penalties, objections and minors, in whole.

Searches and clocks have lists of their own, which the seat reads where they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from correction_service.scope import visible
from models.assessment import Objection, PointsPublication
from models.case import ENDED, Case
from models.clock import LegalClock
from models.discipline import Measure, MeasureKind
from models.order import PositioningOrder
from models.user import User

GUARDIAN_CLOCK = "guardian"


class Register(StrEnum):
    """Which list."""

    ORDERS = "orders"
    MEASURES = "measures"
    OBJECTIONS = "objections"
    MINORS = "minors"


def orders(user: User) -> Select[PositioningOrder]:
    """Orders to position with their grounds and facts, the latest first."""
    query = select(PositioningOrder).join(PositioningOrder.case).where(visible(user))
    facts = selectinload(PositioningOrder.facts)
    whose = _whose(PositioningOrder.case)
    return query.options(facts, *whose).order_by(PositioningOrder.starts_at.desc())


def measures(user: User) -> Select[Measure]:
    """Rewards, penalties and proposals, the latest first."""
    query = select(Measure).join(Measure.case).where(visible(user))
    facts = selectinload(Measure.facts)
    return query.options(facts, *_whose(Measure.case)).order_by(Measure.id.desc())


def objections(user: User) -> Select[Objection]:
    """Objections, first those that the person took on to the procuratorate."""
    query = select(Objection).join(Objection.case).where(visible(user))
    first = (Objection.carried_on_at.is_(None), Objection.due_on.desc(), Objection.id.desc())
    beside = joinedload(Objection.entry)
    return query.options(beside, *_whose(Objection.case)).order_by(*first)


def minors(user: User) -> Select[Case]:
    """Those who were minors when correction began: turning 18 changes nothing (LCC 58)."""
    query = select(Case).where(visible(user), Case.minor, Case.state.not_in(ENDED))
    beside = (joinedload(Case.person), joinedload(Case.office), selectinload(Case.team))
    return query.options(*beside).order_by(Case.id)


@dataclass(frozen=True)
class Minor:
    """What of a minor's rights the register shows; a team's parts are by their codes."""

    case: Case
    parts: tuple[str, ...]
    penalties: int
    guardian_called: int
    guardian_clock: bool
    published: bool


def rights(session: Session, cases: Sequence[Case]) -> list[Minor]:
    """Whether the guardian was called, who is on the team, and that nothing was made public."""
    ids = [case.id for case in cases]
    found = select(Measure).where(Measure.case_id.in_(ids), Measure.decided_at.is_not(None))
    penalties = [it for it in session.scalars(found) if it.kind is not MeasureKind.COMMENDATION]
    running = select(LegalClock.case_id).where(
        LegalClock.case_id.in_(ids),
        LegalClock.rule == GUARDIAN_CLOCK,
        LegalClock.stopped_at.is_(None),
    )
    neglected, shown = set(session.scalars(running)), _published(session, cases)
    return [
        _minor(case, [it for it in penalties if it.case_id == case.id], neglected, shown)
        for case in cases
    ]


def _minor(case: Case, penalties: Sequence[Measure], clocks: set[int], shown: set[int]) -> Minor:
    return Minor(
        case=case,
        parts=tuple(member.part for member in case.team),
        penalties=len(penalties),
        guardian_called=sum(it.guardian is not None for it in penalties),
        guardian_clock=case.id in clocks,
        published=case.id in shown,
    )


def _published(session: Session, cases: Iterable[Case]) -> set[int]:
    """Cases of these agencies that stand in anything that was made public."""
    agencies = {case.agency_id for case in cases}
    lines = select(PointsPublication.lines).where(PointsPublication.agency_id.in_(agencies))
    return {case_id for shown in session.scalars(lines) for case_id, _ in shown}


def _whose(case: InstrumentedAttribute[Case]) -> tuple[ExecutableOption, ...]:
    whose = joinedload(case)
    return whose.joinedload(Case.person), whose.joinedload(Case.office)
