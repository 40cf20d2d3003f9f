"""What could not be judged for a fault of ours: a row, a receipt, and never a missed check-in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import codes, hours
from correction_service.face.words import Reason
from correction_service.presence import attempts, checkins, duties
from correction_service.presence.checkins import Attempt
from models.case import Case
from models.checkin import Challenge, CheckIn, Liveness, Outcome, Way


def busy(
    session: Session,
    attempt: Attempt,
    *,
    now: datetime,
    way: Way = Way.PHONE,
    by: int | None = None,
) -> CheckIn | None:
    """Record, once a challenge, that we could not judge; the challenge stays good for a retry.

    Without this row a service that is busy until the window ends would leave a missed duty. It has
    a receipt of its own: the attempt's is for what comes of it yet.
    """
    challenge = session.get_one(Challenge, attempt.challenge_id, with_for_update=True)
    begun = challenge.issued_at
    if challenge.used_at is not None or _known(session, attempt.case_id, begun):
        return None
    made = _fault(session.get_one(Case, attempt.case_id), Reason.SYSTEM_FAULT, now)
    made.way, made.recorded_by, made.began_at = way, by, begun
    return _written(session, made, begun)


def unbegun(
    session: Session,
    person_id: UUID,
    why: Reason,
    *,
    now: datetime,
    way: Way = Way.PHONE,
    by: int | None = None,
) -> CheckIn:
    """Record, once a window and reason, that we let nobody begin; return that check-in.

    Of what fails before its challenge is written there would else be no trace.
    """
    case = checkins.current_case(session, person_id)
    due = duties.due(session, case.id, now)
    since = due.opens_at if due and due.opens_at else hours.day_start(hours.local_day(now))
    known = [it for it in _known(session, case.id, since) if why.value in it.reasons]
    if known:
        return known[0]
    made = _fault(case, why, now)
    made.way, made.recorded_by = way, by
    return _written(session, made, now)


def unjudgeable(session: Session, challenge: Challenge, now: datetime) -> CheckIn:
    """End an attempt whose enrolled face cannot be opened, under its own receipt."""
    made = _fault(session.get_one(Case, challenge.case_id), Reason.TEMPLATE_UNREADABLE, now)
    made.receipt, made.began_at = challenge.receipt or made.receipt, challenge.issued_at
    _written(session, made, challenge.issued_at)
    challenge.spend(now, b"", made.id)
    attempts.forget(session, challenge.id)
    session.flush()
    return made


def _known(session: Session, case_id: int, since: datetime) -> list[CheckIn]:
    mine = (CheckIn.case_id == case_id, CheckIn.outcome == Outcome.FAULT, CheckIn.at >= since)
    return list(session.scalars(select(CheckIn).where(*mine).order_by(CheckIn.id)))


def _fault(case: Case, why: Reason, now: datetime) -> CheckIn:
    return CheckIn(
        case=case,
        case_id=case.id,
        at=now,
        way=Way.PHONE,
        outcome=Outcome.FAULT,
        liveness=Liveness.NOT_JUDGED,
        reasons=[why.value],
        answers={},
        receipt=codes.new(),
    )


def _written(session: Session, made: CheckIn, begun: datetime) -> CheckIn:
    made.duty_id = checkins.answered_duty(session, made, begun)
    checkins.add(session, made)
    return made
