"""Prepare a measure on facts of the file, hear the person, decide, serve, copy (IM 32).

The software prepares a file and never decides; nothing here is called by a count or a score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.assessment.rulebooks import Rulebooks
from correction_service.casework import points
from correction_service.discipline import facts, ladder
from correction_service.discipline.ladder import Limb
from correction_service.law import articles
from correction_service.messages import notices
from correction_service.people.cases import open_case_for
from correction_service.scope import case_for, visible
from models.case import Case
from models.discipline import PROPOSALS, FactKind, Measure, MeasureKind, MeasureState
from models.errors import Invalid, NotFound, Refused
from models.order import months_later
from models.user import Permission, User

ITEMS = {  # what a measure in force costs or gains, by the rulebook's code
    MeasureKind.COMMENDATION: "commendation",
    MeasureKind.ADMONITION: "admonition",
    MeasureKind.WARNING: "warning",
    MeasureKind.PUBLIC_SECURITY: "public_security_penalty",
}


@dataclass(frozen=True, kw_only=True)
class File:
    """What an officer prepares: rung and limb, the facts with their words, and what was found."""

    kind: MeasureKind
    limb: str
    facts: Sequence[str]
    found: str
    happened_on: date
    days: int | None = None
    unchanged: str = ""


def prepare(session: Session, user: User, case_id: int, file: File, now: datetime) -> Measure:
    """Prepare a measure; refused where the law has none such, or its facts are not on the file."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    limb = ladder.limb(file.kind, file.limb)
    measure = Measure.prepare(
        case,
        file.kind,
        limb=limb.code,
        law=f"{limb.law} ({limb.mark})",
        found=file.found.strip(),
        days=file.days if limb.asks_days else None,
        unchanged=file.unchanged.strip() or None,
        happened_on=file.happened_on,
        prepared_by=user.id,
        prepared_at=now,
    )
    with session.no_autoflush:
        measure.facts = facts.linked(session, case, file.facts)
        _check(session, case, measure, limb, hours.local_day(now))
    session.add(measure)
    return _changed(session, measure, now)


def _check(session: Session, case: Case, measure: Measure, limb: Limb, today: date) -> None:
    if not measure.found:
        raise Invalid("Say what was found, in words.", field="found")
    if not measure.facts:
        raise Invalid("A measure rests on facts: link at least one.", field="facts")
    if measure.happened_on > today:
        raise Invalid("This day is still to come.", field="happened_on")
    if limb.categories and case.category not in limb.categories:
        raise Refused("This ground is for another category of sentence.", field="limb")
    if limb.asks_days:
        _check_days(measure, limb)
    if limb.months_in is not None:
        _check_months(session, case, limb.months_in, today)
    if limb.after:
        _check_unchanged(session, measure, limb)


def _check_days(measure: Measure, limb: Limb) -> None:
    if measure.days is None or measure.days < 1:
        raise Invalid("Say how many days it was, as you found them.", field="days")
    least, most = limb.least_days or 1, limb.most_days
    if limb.over_months is not None:
        began = measure.happened_on
        least = (months_later(began, limb.over_months) - began).days + 1
    if measure.days < least or (most is not None and measure.days > most):
        raise Refused("So many days are another rung of the ladder.", field="days")


def _check_months(session: Session, case: Case, months_in: int, today: date) -> None:
    if case.reported_on is None or months_later(case.reported_on, months_in) > today:
        raise Refused(
            "A commendation asks for %(months)d months of supervision (IM 33, %(mark)s).",
            field="limb",
            months=months_in,
            mark=articles.mark_in(session, "IM 33"),
        )


def _check_unchanged(session: Session, measure: Measure, limb: Limb) -> None:
    """Earlier measures are linked by hand, and somebody found that nothing changed since."""
    linked = [fact.reference for fact in measure.facts if fact.kind is FactKind.MEASURE]
    for kind, least in limb.after:
        before = session.scalars(
            select(Measure).where(Measure.id.in_(map(int, linked)), Measure.kind == kind)
        )
        if sum(it.in_force for it in before) < least:
            raise Invalid(
                "Link the %(count)d earlier decisions that this ground names.",
                field="facts",
                count=least,
            )
    if not measure.unchanged:
        raise Invalid(
            "Say in what there was no change: a person finds it, no count does.", field="unchanged"
        )


def hear(session: Session, user: User, measure_id: int, statement: str, now: datetime) -> Measure:
    """Write down what the person says to it."""
    measure = measure_for(session, user, measure_id, Permission.SUPERVISE)
    measure.hear(statement, user.id, now)
    return _changed(session, measure, now)


def call_guardian(
    session: Session, user: User, measure_id: int, who: str, now: datetime
) -> Measure:
    """Write down that a minor's guardian was called."""
    measure = measure_for(session, user, measure_id, Permission.SUPERVISE)
    measure.call_guardian(who)
    return _changed(session, measure, now)


def decide(
    session: Session,
    user: User,
    measure_id: int,
    *,
    agreed: bool,
    number: str,
    reason: str,
    now: datetime,
) -> Measure:
    """The county's head decides on what another prepared; the person is told by the service."""
    measure = measure_for(session, user, measure_id, Permission.DECIDE)
    measure.decide(user.id, now, agreed=agreed, number=number, reason=reason)
    if measure.in_force:
        _draft_points(session, measure, now)
    return _changed(session, measure, now)


def answered(
    session: Session, user: User, measure_id: int, *, granted: bool, outcome: str, now: datetime
) -> Measure:
    """Write down what the police or the court decided on a proposal."""
    measure = measure_for(session, user, measure_id, Permission.SUPERVISE)
    measure.answered(now, granted=granted, outcome=outcome)
    if measure.in_force:
        _draft_points(session, measure, now)
    return _changed(session, measure, now)


def _draft_points(session: Session, measure: Measure, now: datetime) -> None:
    """Propose what the rulebook gives it; confirmed, it replaces deductions for its facts."""
    item = ITEMS.get(measure.kind)
    day = hours.local_day(measure.outcome_at or measure.decided_at or now)
    try:
        book = Rulebooks(session).on(day, measure.case.agency_id)
    except Refused:  # a decision does not wait for a rulebook
        return
    if item is None or not book.prices(item):
        return
    draft = points.proposed(book, measure.case_id, item, f"measure:{measure.id}", day)
    draft.evidence = {"measure": measure.id, "facts": [fact.key for fact in measure.facts]}
    draft.made_at = now
    session.add(draft)


def serve(session: Session, user: User, measure_id: int, how: str, now: datetime) -> Measure:
    """Write down how the decision was handed over; the phone page shows it from then on."""
    measure = measure_for(session, user, measure_id, Permission.SUPERVISE)
    measure.serve(user.id, now, how)
    notices.queue(session, measure.case, "measure", now)
    return _changed(session, measure, now)


def copy(session: Session, user: User, measure_id: int, number: str, now: datetime) -> Measure:
    """Write down that the procuratorate has its copy."""
    measure = measure_for(session, user, measure_id, Permission.SUPERVISE)
    measure.copy(user.id, now, number)
    return _changed(session, measure, now)


def measure_for(
    session: Session, user: User, measure_id: int, permission: Permission = Permission.SEE_CASES
) -> Measure:
    """Return a measure of a case that the user may see and act on."""
    measure = session.get(Measure, measure_id)
    if measure is None:
        raise NotFound("There is no such measure in your offices.")
    case_for(session, user, measure.case_id, permission)
    if permission is not Permission.SEE_CASES:
        session.refresh(measure, with_for_update=True)
    return measure


def of(session: Session, case_id: int) -> Sequence[Measure]:
    """Return the measures of a case, the latest first."""
    query = select(Measure).where(Measure.case_id == case_id).order_by(Measure.id.desc())
    return session.scalars(query.options(joinedload(Measure.case))).all()


def served(session: Session, case_id: int) -> Sequence[Measure]:
    """Return what the person was handed: the phone page shows no more."""
    query = select(Measure).where(Measure.case_id == case_id, Measure.served_at.is_not(None))
    return session.scalars(query.order_by(Measure.served_at.desc())).all()


def in_force(session: Session, case_id: int, kind: MeasureKind) -> list[Measure]:
    """Return the decided measures of a kind, for an order or a higher rung to rest on."""
    mine = select(Measure).where(Measure.case_id == case_id, Measure.kind == kind)
    return [it for it in session.scalars(mine.order_by(Measure.id)) if it.in_force]


def to_decide(user: User) -> Select[Measure]:
    """Measures that somebody else prepared and the user may decide."""
    return waiting(user).where(
        Measure.state == MeasureState.PREPARED, Measure.prepared_by != user.id
    )


def waiting(user: User) -> Select[Measure]:
    """Measures in the user's offices that somebody has still to decide, serve or copy."""
    proposed = and_(Measure.kind.in_(PROPOSALS), Measure.state == MeasureState.DECIDED)
    unfinished = or_(Measure.served_at.is_(None), Measure.copied_at.is_(None), proposed)
    query = (
        select(Measure)
        .join(Measure.case)
        .where(visible(user), Measure.state != MeasureState.REFUSED, unfinished)
    )
    return query.options(joinedload(Measure.case).joinedload(Case.person)).order_by(Measure.id)


def _changed(session: Session, measure: Measure, now: datetime) -> Measure:
    session.flush()
    outbox.live(session, measure.case, "case", measure.case_id, now)
    return measure
