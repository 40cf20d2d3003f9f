"""Cases: their number, their office, their team, reporting in, and every change of state."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import count
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.casework import orders
from correction_service.hardware import bracelets
from correction_service.law import articles
from correction_service.people import custody, ends, templates
from correction_service.scope import case_for
from models.agency import Agency, Office
from models.case import ENDED, ENDINGS, LEGAL_ZONE, NEXT, SPECIALIST, Case, CaseState, TeamMember
from models.clock import LegalClock
from models.errors import Invalid, NotFound, Refused
from models.identity import Sex
from models.leave import Leave, LeaveState
from models.user import Permission, User

PENDING = "pending_revocation"  # the clock that an officer starts when one is proposed
MOVING = frozenset({CaseState.TRANSFERRING, CaseState.TRANSFERRED})  # by a move's own steps
TEAM_PARTS = (
    "officer",
    "family",
    "neighbour",
    "employer",
    "volunteer",
    "guardian",
    SPECIALIST,
    "other",
)


def legal_day(now: datetime) -> date:
    """Return the legal day of a moment (domain.md §0: days of Asia/Shanghai)."""
    return now.astimezone(LEGAL_ZONE).date()


def latest_case(session: Session, person_id: UUID) -> Case:
    """Return the case whose file is a person's own to read: the running one, else the last.

    What is kept of somebody stays theirs to see and to object to when supervision has ended
    (PIPL 44–46); what asks something of them goes by `checkins.current_case`.
    """
    mine = select(Case).where(Case.person_id == person_id)
    running_first = (Case.state.in_(ENDED), Case.term_start.desc(), Case.id.desc())
    case = session.scalars(mine.order_by(*running_first)).first()
    if case is None:
        raise NotFound("There is no such case in your offices.")
    return case


def open_case_for(
    session: Session, user: User, case_id: int, permission: Permission = Permission.SEE_CASES
) -> Case:
    """As `case_for`, for acts on the person: an ended case gives no say in them any more.

    The person may be supervised elsewhere by now.
    """
    case = case_for(session, user, case_id, permission)
    if case.state in ENDED:
        raise Refused("The case has ended.", code="case_ended")
    return case


def offices(session: Session, user: User) -> Sequence[Office]:
    """Return the offices at which a user may open a case: their own, or all of their agency."""
    if not user.may(Permission.ENROL):
        return []
    query = select(Office).where(Office.agency_id == user.agency_id).order_by(Office.id)
    if user.office_id is not None:
        query = query.where(Office.id == user.office_id)
    return session.scalars(query).all()


def numbers(session: Session, agency_id: int, now: datetime) -> Iterator[str]:
    """Yield case numbers, division-year-serial, such as 520303-2026-00017.

    The agency's row is locked until the transaction ends, so that two officers who enrol at the
    same moment get two numbers.
    """
    locked = select(Agency.division).where(Agency.id == agency_id).with_for_update()
    prefix = f"{session.scalars(locked).one()}-{legal_day(now).year}-"
    last = session.scalar(select(func.max(Case.number)).where(Case.number.startswith(prefix)))
    start = int(last.removeprefix(prefix)) if last else 0
    return (f"{prefix}{serial:05d}" for serial in count(start + 1))


def report_in(session: Session, user: User, case_id: int, day: date, now: datetime) -> Case:
    """Record 报到. Refused without a proper team; correction and its clocks begin."""
    case = case_for(session, user, case_id, Permission.ENROL)
    if day > legal_day(now):
        raise Invalid("The day of reporting in is still to come.", field="reported_on")
    case.report_in(day, now)
    _changed(session, case, now)
    return case


def add_team_member(
    session: Session,
    user: User,
    case_id: int,
    *,
    name: str,
    sex: Sex,
    part: str,
    username: str = "",
) -> TeamMember:
    """Put someone on the correction team; an account given by its name sees the case by it."""
    case = case_for(session, user, case_id, Permission.ENROL)
    if not name.strip():
        raise Invalid("The name is missing.", field="name")
    if part not in TEAM_PARTS:
        raise Invalid("Choose the part that this member takes.", field="part")
    member = TeamMember(
        name=name.strip(), sex=sex, part=part, user_id=_account(session, user, username.strip())
    )
    case.team.append(member)
    session.flush()
    return member


def _account(session: Session, user: User, username: str) -> int | None:
    if not username:
        return None
    same_agency = (User.username == username, User.agency_id == user.agency_id, User.active)
    account = session.scalar(select(User.id).where(*same_agency))
    if account is None:
        raise Invalid("Your agency has no such account.", field="username")
    return account


def remove_team_member(session: Session, user: User, case_id: int, member_id: int) -> None:
    """Take someone off the team, unless the team would then break the law."""
    case = case_for(session, user, case_id, Permission.ENROL)
    member = next((each for each in case.team if each.id == member_id), None)
    if member is None:
        raise NotFound("There is no such member of the team.")
    case.team.remove(member)
    if case.state is not CaseState.AWAITING_REPORT:
        case.check_team()
    session.flush()


def lawful_next(case: Case, *, leave_runs: bool = False) -> list[CaseState]:
    """Return the states that `move` may take a case to now, in their order of domain.md §1.

    Nobody is on leave without a leave that runs.
    """
    unreported = {CaseState.UNDER_CORRECTION} if case.reported_on is None else frozenset()
    without_leave = frozenset() if leave_runs else {CaseState.ON_LEAVE}
    by_hand = NEXT[case.state] - unreported - without_leave - MOVING
    return [state for state in CaseState if state in by_hand]


def leave_runs(session: Session, case: Case, now: datetime) -> bool:
    """Whether an approved leave lets the person be away now."""
    approved = (Leave.case_id == case.id, Leave.state == LeaveState.APPROVED, ~Leave.regular)
    running = select(Leave.id).where(*approved, Leave.starts_at <= now, Leave.ends_at > now)
    return session.scalar(running.limit(1)) is not None


def _refuse_without_leave(session: Session, case: Case, now: datetime) -> None:
    """Refuse to call somebody on leave whom no paper lets be away (LCC 27)."""
    if CaseState.ON_LEAVE in NEXT[case.state] and not leave_runs(session, case, now):
        raise Refused(
            "A case is on leave by an approved leave and by itself: record the leave, or decide "
            "the request for it, under “Leave and contact” (LCC 27).",
            field="state",
        )


def move(
    session: Session,
    user: User,
    case_id: int,
    state: CaseState,
    *,
    note: str,
    now: datetime,
    since: date | None = None,
    end: ends.End | None = None,
) -> Case:
    """Take a case to another state and keep why; an end stops positioning and face data at once.

    Into custody it goes `since` a day, out of supervision by an `end`: without one by its term.
    """
    case = case_for(session, user, case_id, Permission.SUPERVISE)
    session.refresh(case, with_for_update=True)  # a release and a receipt do not both end it
    _refuse_by_hand(session, case, state, now)
    if not note.strip():
        raise Invalid("Say why, and on which paper.", field="note")
    if state in ENDINGS:
        _close(session, case, ends.judged(session, case, state, end, now), note.strip(), now)
    elif state is CaseState.DETAINED:
        custody.begin(session, case, since, note.strip(), now)
    else:
        case.move(state, now, note.strip())
    _changed(session, case, now)
    return case


def _refuse_by_hand(session: Session, case: Case, state: CaseState, now: datetime) -> None:
    """Refuse what another act leads to: reporting in, the steps of a change of place, a leave."""
    if state is CaseState.UNDER_CORRECTION and case.reported_on is None:
        raise Refused("Reporting in is recorded first.", field="state")
    if state in MOVING:
        raise Refused(
            "A change of place goes by its own steps (IM 30, %(mark)s).",
            field="state",
            mark=articles.mark_in(session, "IM 30"),
        )
    if state is CaseState.ON_LEAVE:
        _refuse_without_leave(session, case, now)


def _close(session: Session, case: Case, how: ends.End, note: str, now: datetime) -> None:
    """Release or terminate it: by which ground and paper it ended stays with the case."""
    if how.state is CaseState.RELEASED:
        refuse_pending(session, case)
    case.move(how.state, now, note)
    ends.write(session, case, how, now)
    end(session, case, now)


def refuse_pending(session: Session, case: Case) -> None:
    """Hold the paper of release while revocation is pending (司办通〔2021〕94号, S).

    The paper alone: positioning and check-ins have stopped with the term by themselves (LCC 44).
    """
    pending = (LegalClock.case_id == case.id, LegalClock.rule == PENDING)
    running = select(LegalClock.id).where(*pending, LegalClock.stopped_at.is_(None))
    if session.scalar(running.limit(1)) is not None:
        raise Refused(
            "A revocation or compulsory measure is pending: the paper of release waits for it. "
            "Tracking has ended with the term all the same.",
            field="state",
            code="pending_revocation",
        )


def end(session: Session, case: Case, now: datetime) -> None:
    """Stop what the law stops on the day: positioning, and the face with the last case (LCC 44)."""
    orders.lift_all(session, case, now)
    bracelets.take_off(session, case, now)
    if all(other.state in ENDED for other in case.person.cases):
        templates.forget(session, case.person, now)


def _changed(session: Session, case: Case, now: datetime) -> None:
    session.flush()
    outbox.live(session, case, "case", case.id, now)
