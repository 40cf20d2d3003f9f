"""Make a correction plan, look at it, make the next version (LCC 24)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased, joinedload

from correction_service import audit, hours, outbox
from correction_service.db import ring_of
from correction_service.people.cases import open_case_for
from correction_service.scope import visible
from models.case import ENDED, Case
from models.errors import Invalid
from models.plan import Aims, CorrectionPlan
from models.user import Permission, User

MOST_TEXT = 4000


def write(
    session: Session, user: User, case_id: int, aims: Aims, *, review_on: date, now: datetime
) -> CorrectionPlan:
    """Write the next version; the earlier ones stay."""
    case = open_case_for(session, user, case_id, Permission.ENROL)
    session.refresh(case, with_for_update=True)  # two officers do not write one version
    _check(case, aims, review_on, hours.local_day(now))
    last = latest(session, case)
    plan = CorrectionPlan(
        case=case,
        version=last.version + 1 if last else 1,
        review_on=review_on,
        made_by=user.id,
        made_at=now,
    )
    plan.put(ring_of(session), Aims(*(text.strip() for text in aims)))
    session.add(plan)
    session.flush()
    outbox.live(session, case, "case", case.id, now)
    return plan


def _check(case: Case, aims: Aims, review_on: date, today: date) -> None:
    for field, text in aims._asdict().items():
        if not text.strip():
            raise Invalid("A plan says what is aimed at and what is done for it.", field=field)
        if len(text) > MOST_TEXT:
            raise Invalid("At most 4000 characters fit here.", field=field)
    if review_on <= today:
        raise Invalid("The plan is looked at again on a day to come.", field="review_on")
    if review_on > case.term_end:
        raise Invalid("This day is after the end of the term.", field="review_on")


def latest(session: Session, case: Case) -> CorrectionPlan | None:
    """The version in force."""
    return next(iter(of(session, case)), None)


def of(session: Session, case: Case) -> Sequence[CorrectionPlan]:
    """Every version, the latest first."""
    query = select(CorrectionPlan).where(CorrectionPlan.case_id == case.id)
    return session.scalars(query.order_by(CorrectionPlan.version.desc())).all()


def to_review(user: User, today: date) -> Select[CorrectionPlan]:
    """Plans in force in the user's offices whose day to be looked at again has come."""
    later = aliased(CorrectionPlan)
    newer = exists().where(
        later.case_id == CorrectionPlan.case_id, later.version > CorrectionPlan.version
    )
    query = select(CorrectionPlan).join(CorrectionPlan.case).where(visible(user), ~newer)
    due = query.where(CorrectionPlan.review_on <= today, Case.state.not_in(ENDED))
    case = joinedload(CorrectionPlan.case)
    whose = (case.joinedload(Case.person), case.joinedload(Case.office))
    return due.options(*whose).order_by(CorrectionPlan.review_on, CorrectionPlan.id)


def read(session: Session, plan: CorrectionPlan) -> Aims:
    """Open a plan for somebody; that they looked is on record."""
    audit.viewed(session, "view_plan", "correction_plan", plan.id)
    return plan.reveal(ring_of(session))
