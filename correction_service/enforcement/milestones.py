"""What was done in the life of a case and what is next: intake and the end, by the law's list.

The agency's slowness is never the person's breach: correction runs from reporting in, whatever of
the checklist is open, and registration is never refused for a paper that is missing (IM 16).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from correction_service import hours, outbox
from correction_service.casework import clocks
from correction_service.db import among
from correction_service.law import steps
from correction_service.law.steps import Phase, StepRule
from correction_service.people import cases
from correction_service.scope import case_for, visible
from models.case import ENDED, ENDINGS, Case, CaseState
from models.clock import LegalClock
from models.errors import DomainError, Invalid, Refused
from models.milestone import Milestone, Step
from models.plan import CorrectionPlan
from models.user import Permission, User

MOST = 200
AT_THE_END = frozenset({Step.CERTIFICATE, Step.RELEASE_ANNOUNCED, Step.EXIT_BAN_LIFTED})
MISSING_PAPERS, RECEIPT = "papers_incomplete", "papers_receipt"


@dataclass(frozen=True)
class Item:
    """A step of a checklist: done on a day or not, with what was written down of it."""

    rule: StepRule
    done_on: date | None
    written: Milestone | None = None


@dataclass(frozen=True)
class Checklist:
    """The steps of a phase for one case, in order."""

    case: Case
    items: Sequence[Item]

    @property
    def next(self) -> Item | None:
        """The first step that is not done."""
        return next((item for item in self.items if item.done_on is None), None)

    @property
    def open_since(self) -> date | None:
        """The day on which the last step was done; None while one waits."""
        days = [item.done_on for item in self.items]
        return max((day for day in days if day), default=None) if all(days) else None


@dataclass(frozen=True, kw_only=True)
class Done:
    """A step as an officer writes it down."""

    step: Step
    on: date
    number: str = ""
    party: str = ""
    guardian: str = ""
    note: str = ""


def checklist(session: Session, case: Case, phase: Phase) -> Checklist:
    """How far one case has come."""
    return next(checklists(session, [case], phase))


def checklists(session: Session, found: Sequence[Case], phase: Phase) -> Iterator[Checklist]:
    """How far each of some cases has come, read at once for all."""
    ids = [case.id for case in found]
    rows = session.scalars(
        select(Milestone).where(among(session, Milestone.case_id, ids)).order_by(Milestone.id)
    )
    written = {(row.case_id, row.step.value): row for row in rows}
    planned = dict(
        session.execute(
            select(CorrectionPlan.case_id, func.min(CorrectionPlan.made_at))
            .where(among(session, CorrectionPlan.case_id, ids))
            .group_by(CorrectionPlan.case_id)
        ).all()
    )
    for case in found:
        known = {
            "reported_in": case.reported_on,
            "team": _team_since(case),
            "plan": hours.local_day(planned[case.id]) if case.id in planned else None,
        }
        rules = steps.of_case(session, phase, case)
        yield Checklist(case, [_item(rule, case, known, written) for rule in rules])


def _item(
    rule: StepRule,
    case: Case,
    known: Mapping[str, date | None],
    written: Mapping[tuple[int, str], Milestone],
) -> Item:
    if rule.known:
        return Item(rule, known[rule.name])
    row = written.get((case.id, rule.name))
    return Item(rule, row.done_on if row else None, row)


def _team_since(case: Case) -> date | None:
    """A right team counts since reporting in, which asks for one; before, since the judgment."""
    try:
        case.check_team()
    except DomainError:
        return None
    return case.reported_on or case.effective_on


def record(session: Session, user: User, case_id: int, done: Done, now: datetime) -> Milestone:
    """Write down a step; one written down again counts as it was written last."""
    rule = steps.rules_of(session)[done.step.value]
    case = _case(session, user, case_id, rule.phase)
    if rule not in steps.of_case(session, rule.phase, case):
        raise Refused("This step does not belong to how the case ended.", field="step")
    _check(session, case, rule, done, now)
    made = Milestone(
        case_id=case.id,
        step=done.step,
        done_on=done.on,
        number=done.number.strip() or None,
        party=done.party.strip() or None,
        guardian=done.guardian.strip() or None,
        note=done.note.strip() or None,
        made_by=user.id,
        made_at=now,
    )
    session.add(made)
    if done.step is Step.PAPERS:
        _papers_complete(session, user, case, made, now)
    session.flush()
    outbox.live(session, case, "case", case.id, now)
    return made


def _case(session: Session, user: User, case_id: int, phase: Phase) -> Case:
    """The last papers of a case are written down when it has ended, too."""
    if phase is Phase.INTAKE:
        return cases.open_case_for(session, user, case_id, Permission.ENROL)
    return case_for(session, user, case_id, Permission.SUPERVISE)


def _check(session: Session, case: Case, rule: StepRule, done: Done, now: datetime) -> None:
    if done.on > hours.local_day(now):
        raise Invalid("This day is still to come.", field="on")
    if done.on < case.effective_on:
        raise Invalid("This day is before the judgment took effect.", field="on")
    for field, said in (("number", done.number), ("party", done.party), ("note", done.note)):
        if field in rule.asks and not said.strip():
            raise Invalid("This is written down with the step.", field=field)
    waiting = {it.rule.name for it in checklist(session, case, rule.phase).items if not it.done_on}
    if waiting & set(rule.after):
        raise Refused("Identity is verified and the team set up first.", field="step")
    if done.step is Step.ANNOUNCED and case.minor and not done.guardian.strip():
        raise Invalid("The guardian of a minor is called: say who, and how.", field="guardian")
    moved_ban = case.state is CaseState.TRANSFERRED and done.step is Step.EXIT_BAN_LIFTED
    if done.step in AT_THE_END and not moved_ban:  # our report ends; the sentence goes on
        cases.refuse_pending(session, case)
        if case.state is CaseState.TRANSFERRED:
            raise Refused("The case has moved away: the new place releases from it.", field="step")
        if done.on < case.term_end and case.state not in ENDINGS:
            raise Refused("The term has not ended.", field="on")


def _papers_complete(
    session: Session, user: User, case: Case, made: Milestone, now: datetime
) -> None:
    """The clock of what was missing ends; that of the receipt begins."""
    clocks.end_named(session, case, MISSING_PAPERS, user.id, made.number or "", now=now)
    clocks.begin_named(session, case, RECEIPT, made.number or "", now)


def papers_missing(
    session: Session, user: User, case_id: int, what: str, now: datetime
) -> LegalClock:
    """Say which papers are missing: the case is registered all the same, the clock to ask runs."""
    today = hours.local_day(now)
    cases.open_case_for(session, user, case_id, Permission.ENROL)
    return clocks.start(session, user, case_id, MISSING_PAPERS, on=today, note=what, now=now)


def to_open(session: Session, user: User) -> Sequence[Case]:
    """The cases of the user's offices whose intake is not complete, the oldest first."""
    listed = [Step(it.name) for it in steps.of_phase(session, Phase.INTAKE) if not it.known]
    lacks = [
        ~exists().where(Milestone.case_id == Case.id, Milestone.step == step) for step in listed
    ]
    planned = exists().where(CorrectionPlan.case_id == Case.id)
    query = select(Case).where(visible(user), Case.state.not_in(ENDED))
    query = query.where(or_(Case.reported_on.is_(None), ~planned, *lacks))
    query = query.options(joinedload(Case.person), joinedload(Case.office), selectinload(Case.team))
    return session.scalars(query.order_by(Case.effective_on, Case.id).limit(MOST)).all()
