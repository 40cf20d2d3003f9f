"""The end of a case: who ends within the law's thirty days, and what of it is still to be done.

Tracking, check-ins and duties stop with the last day by themselves (LCC 44); only papers wait here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, false, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from correction_service import hours
from correction_service.db import among
from correction_service.enforcement import milestones
from correction_service.enforcement.milestones import Checklist
from correction_service.law import clock_rules, steps
from correction_service.law.steps import Phase
from correction_service.people import ends
from correction_service.people.cases import PENDING
from correction_service.people.ends import End
from correction_service.scope import visible
from models.case import ENDED, Case, CaseState, EndedAs
from models.clock import LegalClock
from models.milestone import Milestone, Step
from models.user import User

ENDS = "sentence_ends"
MOST = 200


@dataclass(frozen=True)
class Ending:
    """One case that ends or has ended: its checklist, and whether a revocation is pending.

    `offer` is the end that a ground is on file for.
    """

    checklist: Checklist
    pending: bool
    offer: End | None = None

    @property
    def case(self) -> Case:
        """Whose end it is."""
        return self.checklist.case

    def days_left(self, today: date) -> int:
        """Days until the last one; negative once it is past."""
        return (self.case.term_end - today).days


def queue(session: Session, user: User, now: datetime) -> list[Ending]:
    """Whose term ends within thirty days or who has another ground to end, and what is unfinished.

    Unfinished is an end with a step still open.
    """
    limit = clock_rules.rules_of(session)[ENDS].limit
    soon = hours.local_day(now) + timedelta(days=limit.ahead_days if limit else 0)
    ending = and_(Case.state.not_in(ENDED), or_(Case.term_end <= soon, ends.grounds()))
    query = select(Case).where(visible(user), or_(ending, *_unfinished(session)))
    query = query.options(joinedload(Case.person), joinedload(Case.office), selectinload(Case.team))
    found = session.scalars(query.order_by(Case.term_end, Case.id).limit(MOST)).all()
    return endings(session, found, hours.local_day(now))


def _unfinished(session: Session) -> Iterator[ColumnElement[bool]]:
    """Cases that ended in each of the ways with one of its steps still open."""
    rules = steps.of_phase(session, Phase.ENDING)
    for ended_as in EndedAs:
        lacks = [
            ~exists().where(Milestone.case_id == Case.id, Milestone.step == Step(rule.name))
            for rule in rules
            if ended_as in rule.ends
        ]
        yield and_(Case.ended_as == ended_as, or_(false(), *lacks))
        if ended_as is EndedAs.TERM_OVER:  # what was released before this was asked
            unsaid = and_(Case.state == CaseState.RELEASED, Case.ended_as.is_(None))
            yield and_(unsaid, or_(false(), *lacks))


def endings(session: Session, found: Sequence[Case], today: date) -> list[Ending]:
    """The end of each of some cases."""
    ids = [case.id for case in found]
    running = (LegalClock.rule == PENDING, LegalClock.stopped_at.is_(None))
    query = select(LegalClock.case_id).where(among(session, LegalClock.case_id, ids), *running)
    pending = set(session.scalars(query))
    lists = milestones.checklists(session, found, Phase.ENDING)
    offers = ends.offered(session, found, today)
    return [Ending(it, it.case.id in pending, offers.get(it.case.id)) for it in lists]
