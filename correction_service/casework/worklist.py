"""Who needs me now: everything that waits for an officer, ranked, each with its clock."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.sql.base import ExecutableOption

from correction_service import hours
from correction_service.casework import (
    change_reports,
    leave_requests,
    legal_needs,
    order_papers,
    overdue,
    runs,
)
from correction_service.casework.needs import MOST, SOON_WITHIN, Item, Need, queue
from correction_service.enforcement import destructions, outside_moves
from correction_service.messages import notices
from correction_service.oversight import opinions
from correction_service.people import sentences
from correction_service.presence import duties
from correction_service.rights import requests as rights
from correction_service.scope import visible
from models.case import Case, supervised_on
from models.change_report import ChangeKind
from models.checkin import CheckIn, CheckInDuty, Liveness, Outcome
from models.file_destruction import FileDestruction
from models.help_request import HelpRequest
from models.incident import Incident, IncidentState, IncidentStep, Passing, Severity
from models.leave import Leave, LeaveState
from models.leave_request import LeaveRequest
from models.notice import Notice, NoticeState
from models.person_request import PersonRequest
from models.points import DraftState, PointsDraft
from models.review import CheckInReview, awaiting_review, awaiting_second
from models.risk import FlagKind, FlagState, RiskFlag
from models.risk_score import Band
from models.sentence_correction import SentenceCorrection
from models.transfer import Transfer
from models.user import Permission, User

ALWAYS_SOON = frozenset(
    {
        FlagKind.LATE_TO_REPORT,
        FlagKind.CHECKIN_MISSED,
        FlagKind.DEVICE_SILENT,
        FlagKind.ENROL_ANEW,
    }
)


def items(session: Session, user: User, now: datetime) -> list[Item]:
    """Return everything in the user's offices that waits for somebody, most urgent first.

    Queues that the user's role could not open are left out.
    """
    found = [*_incidents(session, user), *_help(session, user), *_flags(session, user, now)]
    if user.may(Permission.SUPERVISE):
        found += _calls(session, user)
        found += _leaves(session, user, now)
        found += _receipts(session, user, now)
        found += _changes(session, user, now)
    found += _requests(session, user, now)
    found += _rights(session, user, now)
    if user.may(Permission.APPROVE_ORDERS):
        found += _extensions(session, user, now)
    if user.may(Permission.DECIDE):
        found += _opinions(session, user, now)
    if user.may(Permission.SEE_PHOTOS):
        found += queue(session, Need.REVIEWS, to_review(user), CheckIn.at)
    if user.may(Permission.SUPERVISE):
        found += queue(session, Need.CONCERNS, held(user, now), CheckInDuty.missed_after)
    if user.may(Permission.CORRECT_SENTENCES):
        proposed = sentences.waiting(user).order_by(None)
        found += queue(session, Need.CORRECTIONS, proposed, SentenceCorrection.proposed_at)
    if user.may(Permission.AGREE_DESTRUCTION):
        proposed_to_go, since = destructions.waiting(user), FileDestruction.proposed_at
        found += queue(session, Need.DESTRUCTIONS, proposed_to_go, since)
    found += queue(session, Need.DRAFTS, to_confirm(user), PointsDraft.made_at)
    if runs.may_see(user):
        found += _runs(session, user)
    found += legal_needs.items(session, user, now)
    return sorted(found, key=lambda item: item.rank)


def counts(session: Session, user: User) -> dict[str, int]:
    """Return how much waits in each list."""
    queries = {
        "incidents": open_incidents(user),
        "reviews": to_review(user),
        "flags": open_flags(user),
        "drafts": to_confirm(user),
        "calls": to_call(user),
    }
    return {name: _count(session, query) for name, query in queries.items()}


def open_incidents(user: User) -> Select[Incident]:
    """Incidents of the user's cases that nobody closed."""
    query = select(Incident).join(Incident.case).where(visible(user))
    return query.where(Incident.state != IncidentState.CLOSED)


def to_review(user: User) -> Select[CheckIn]:
    """Check-ins that only officers can settle; at county level also those for a second look."""
    waits = awaiting_review()
    if user.of_county:
        waits = or_(waits, awaiting_second(but_by=user.id))
    return select(CheckIn).join(CheckIn.case).where(visible(user), waits)


def provisional(user: User) -> Select[CheckIn]:
    """Check-ins found to be of somebody else, until a second person at county level agrees."""
    return select(CheckIn).join(CheckIn.case).where(visible(user), awaiting_second())


def held(user: User, now: datetime) -> Select[CheckInDuty]:
    """Duties that are over and neither met nor missed, since an officer had a concern."""
    query = select(CheckInDuty).join(CheckInDuty.case).where(visible(user))
    return query.where(duties.doubted(now))


def unjudged(user: User) -> Select[CheckIn]:
    """Check-ins taken for the person, where liveness was not judged and no officer has looked."""
    query = select(CheckIn).join(CheckIn.case).where(visible(user))
    passed = (CheckIn.outcome == Outcome.MATCH, CheckIn.liveness == Liveness.NOT_JUDGED)
    return query.where(*passed, ~exists().where(CheckInReview.checkin_id == CheckIn.id))


def unjudged_today(session: Session, user: User, now: datetime) -> int:
    """Return how many of today's check-ins those are; nothing presses, so they are no item."""
    if not user.may(Permission.SEE_PHOTOS):
        return 0
    begins = hours.day_start(hours.local_day(now))
    return _count(session, unjudged(user).where(CheckIn.at >= begins))


def open_help(user: User) -> Select[HelpRequest]:
    """Requests for help that nobody has answered."""
    query = select(HelpRequest).join(HelpRequest.case).where(visible(user))
    return query.where(HelpRequest.handled_at.is_(None))


def open_flags(user: User) -> Select[RiskFlag]:
    """Flags of the sweep that nobody handled."""
    query = select(RiskFlag).join(RiskFlag.case).where(visible(user))
    return query.where(RiskFlag.state == FlagState.OPEN)


def to_confirm(user: User) -> Select[PointsDraft]:
    """Points drafts that nobody decided."""
    query = select(PointsDraft).join(PointsDraft.case).where(visible(user))
    return query.where(PointsDraft.state == DraftState.DRAFT)


def to_call(user: User) -> Select[Notice]:
    """Messages not proved to have arrived: an officer calls, while what they ask for stands."""
    mine = exists().where(Case.person_id == Notice.person_id, visible(user))
    return select(Notice).where(mine, Notice.state == NoticeState.TO_CALL, ~notices.over())


def to_sign_off(user: User, now: datetime) -> Select[Leave]:
    """Leaves that end today or ended before, of which no open incident tells yet.

    Whoever says on the phone page that they are back waits to be confirmed, however early.
    """
    over = and_(Leave.ends_at < hours.day_end(hours.local_day(now)), ~overdue.raised())
    due = or_(and_(over, ~Leave.regular), Leave.return_said_at.is_not(None))
    query = select(Leave).join(Leave.case).where(visible(user), due)
    supervised = supervised_on(hours.local_day(now))
    return query.where(Leave.state == LeaveState.APPROVED, supervised)


def case_of(session: Session, notice: Notice, user: User) -> Case | None:
    """Return the case that a message is about: the person's latest that the user may see."""
    query = select(Case).where(Case.person_id == notice.person_id, visible(user))
    return session.scalars(query.options(joinedload(Case.person)).order_by(Case.id.desc())).first()


def _incidents(session: Session, user: User) -> Iterator[Item]:
    query = open_incidents(user).order_by(Incident.opened_at.desc()).limit(MOST)
    beside = (joinedload(Incident.zone), joinedload(Incident.owner))
    found = session.scalars(query.options(*_whose(Incident), *beside)).all()
    passed = _passed(session, [incident.id for incident in found])
    for incident in found:
        yield Item(
            Need.INCIDENT,
            incident.severity,
            incident.opened_at,
            case=incident.case,
            subject=incident,
            passed=passed.get(incident.id),
        )


def _passed(session: Session, incident_ids: list[int]) -> dict[int, IncidentStep]:
    """The last step of each, where that only gave it to somebody."""
    last = select(func.max(IncidentStep.id)).where(IncidentStep.incident_id.in_(incident_ids))
    steps = select(IncidentStep).where(
        IncidentStep.id.in_(last.group_by(IncidentStep.incident_id)),
        IncidentStep.action.in_([how.value for how in Passing]),
    )
    return {step.incident_id: step for step in session.scalars(steps)}


def _help(session: Session, user: User) -> Iterator[Item]:
    query = open_help(user).order_by(HelpRequest.at).limit(MOST)
    for request in session.scalars(query.options(*_whose(HelpRequest))):
        yield Item(Need.HELP, Severity.SOON, request.at, case=request.case, subject=request)


def _flags(session: Session, user: User, now: datetime) -> Iterator[Item]:
    query = open_flags(user).order_by(RiskFlag.raised_at.desc()).limit(MOST)
    for flag in session.scalars(query.options(*_whose(RiskFlag))):
        pressing = flag.due is not None and flag.due - now < SOON_WITHIN
        soon = flag.kind in ALWAYS_SOON or flag.band is Band.RED or pressing
        severity = Severity.SOON if soon else Severity.WATCH
        yield Item(Need.FLAG, severity, flag.raised_at, due=flag.due, case=flag.case, subject=flag)


def _calls(session: Session, user: User) -> Iterator[Item]:
    for notice in session.scalars(to_call(user).order_by(Notice.created_at).limit(MOST)):
        case = case_of(session, notice, user)
        yield Item(Need.CALL, Severity.SOON, notice.created_at, case=case, subject=notice)


def _leaves(session: Session, user: User, now: datetime) -> Iterator[Item]:
    query = to_sign_off(user, now).order_by(Leave.ends_at).limit(MOST)
    for leave in session.scalars(query.options(*_whose(Leave))):
        severity = Severity.SOON if leave.overdue(now) else Severity.WATCH
        ends = leave.ends_at
        yield Item(Need.LEAVE, severity, ends, due=ends, case=leave.case, subject=leave)


def _receipts(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """Who should have reported in outside the service by now, and no receipt says so."""
    query = outside_moves.overdue(user, now).options(*_whose(Transfer)).limit(MOST)
    for it in session.scalars(query):
        over = hours.day_end(it.report_by) if it.report_by else now
        yield Item(Need.RECEIPT, Severity.SOON, over, due=over, case=it.case, subject=it)


def _changes(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """What people told and nobody has read; who speaks of harm does not wait."""
    for it in session.scalars(change_reports.to_read(user).limit(MOST)):
        presses = it.kind is ChangeKind.HARM or now - it.told_at > SOON_WITHIN
        severity = Severity.SOON if presses else Severity.WATCH
        yield Item(Need.CHANGE, severity, it.told_at, case=it.case, subject=it)


def _requests(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """Each by its person: what is asked for begins on a day of its own."""
    query = leave_requests.to_decide(user).order_by(LeaveRequest.starts_at).limit(MOST)
    for request in session.scalars(query.options(*_whose(LeaveRequest))):
        soon = request.starts_at - now < SOON_WITHIN
        severity = Severity.SOON if soon else Severity.WATCH
        due = request.starts_at
        yield Item(
            Need.REQUESTS, severity, request.asked_at, due=due, case=request.case, subject=request
        )


def _extensions(session: Session, user: User, now: datetime) -> Iterator[Item]:
    for assessed in session.scalars(order_papers.to_extend(user, now).limit(MOST)):
        order, since = assessed.order, assessed.made_at
        severity = Severity.SOON if order.ends_at - now < SOON_WITHIN else Severity.WATCH
        yield Item(
            Need.EXTENSION, severity, since, due=order.ends_at, case=order.case, subject=assessed
        )


def _opinions(session: Session, user: User, now: datetime) -> Iterator[Item]:
    for opinion in session.scalars(opinions.to_answer(user).limit(MOST)):
        due = hours.day_end(opinion.due_on)
        severity = Severity.SOON if due - now < SOON_WITHIN else Severity.WATCH
        since = opinion.made_at
        yield Item(Need.OPINION, severity, since, due=due, case=opinion.case, subject=opinion)


def _rights(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """One line for what people ask as of right: urgent once the first of it is overdue."""
    waiting = rights.to_answer(user, now).order_by(None)
    figures = (func.count(), func.min(PersonRequest.asked_at), func.min(PersonRequest.due_on))
    count, oldest, first = session.execute(waiting.with_only_columns(*figures)).one()
    if count:
        due = hours.day_end(first)
        severity = Severity.URGENT if due <= now else Severity.WATCH
        yield Item(Need.RIGHTS, severity, oldest, due=due, count=count)


def _runs(session: Session, user: User) -> Iterator[Item]:
    """One line while the last run of a job left out records that are the user's to look at."""
    failing = runs.failing(session, user)
    if failing:
        oldest = min(run.job.started_at for run in failing)
        yield Item(Need.RUNS, Severity.WATCH, oldest, count=len(failing))


def _whose(
    kind: type[Incident | HelpRequest | RiskFlag | Leave | LeaveRequest | Transfer],
) -> tuple[ExecutableOption, ...]:
    whose = joinedload(kind.case)
    return whose.joinedload(Case.person), whose.joinedload(Case.office)


def _count(session: Session, query: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0
