"""旁证: what check-ins that counted show beside the face, brought before an officer.

A check-in that did not count is looked at anyway. Of one that did, the signs would reach nobody:
once a day they become one flag a person, however many there are, and an officer's look ends it.
A flag is neither a breach nor a score, and nothing is drafted from it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from correction_service import hours, jobs, outbox, telemetry
from correction_service.audit import SYSTEM
from correction_service.casework.findings import Reason, reason
from correction_service.db import Database
from correction_service.presence import checkin_evidence
from models.case import ENDED, Case, supervised_on
from models.checkin import CheckIn, Way, counted
from models.checkin_evidence import Finding, Sign
from models.job import JobRun, JobState
from models.review import CheckInReview
from models.risk import FlagKind, FlagState, RiskFlag

JOB = "evidence"
CATCH_UP_DAYS = 7  # days that are gone over after the service was down
LAW = "LCC 26"


def _fact(sign: Sign) -> str:
    return f"sign_{sign.value}"


# A place is told on the check-in's page, to a look that is logged; these are told without figures.
BY_POSITION = {Sign.BRACELET_ELSEWHERE, Sign.IMPOSSIBLE_TRAVEL, Sign.POSITION_REPEATED}
BY_TIME = {Sign.SAME_MINUTE, Sign.AFTER_MIDNIGHT, Sign.ONE_PHONE, Sign.LATE_PICTURES}
OF_ONE = {Sign.MANY_TRIES}  # of this very check-in: explained once, it is not explained for a month
HABITS = {_fact(sign) for sign in (*BY_TIME, Sign.POSITION_REPEATED)}  # answered for a month
log = structlog.get_logger()


def run(database: Database, now: datetime) -> int:
    """Go over the days before today that nobody has gone over; return of how many people."""
    today, people = hours.local_day(now), 0
    days = [today - timedelta(days=back) for back in range(CATCH_UP_DAYS, 0, -1)]
    with database.reading() as session:
        done = select(JobRun.day).where(JobRun.name == JOB, JobRun.state == JobState.DONE)
        gone_over = set(session.scalars(done.where(JobRun.day.in_(days))))
    with database.transaction(SYSTEM, JOB) as session:
        _let_go(session)
    for day in days:
        if day not in gone_over:
            people += _day(database, day, now)
    return people


def _day(database: Database, day: date, now: datetime) -> int:
    with database.transaction(SYSTEM, JOB) as session:
        mine = jobs.claim(session, JOB, day, now)
    if mine is None:
        return 0
    with database.reading() as session:
        cases = session.scalars(_cases(day)).all()
    looks = {case_id: _looked_at(database, case_id, day, now) for case_id in cases}
    errors = [{"case": case_id, "error": kind} for case_id, kind in looks.items() if kind]
    state, found = JobState.FAILED if errors else JobState.DONE, len(cases) - len(errors)
    with database.transaction(SYSTEM, JOB) as session:
        jobs.finish(session, mine, now, state, {"people": found, "errors": errors})
    return found


def _cases(day: date) -> Select[int]:
    return (
        select(CheckIn.case_id).join(CheckIn.case).where(*_of(day), supervised_on(day)).distinct()
    )


def _of(day: date) -> tuple[ColumnElement[bool], ...]:
    """Match the day's check-ins by phone that counted without an officer's look."""
    within = CheckIn.at.between(hours.day_start(day), hours.day_end(day))
    unseen = ~exists().where(CheckInReview.checkin_id == CheckIn.id)
    return CheckIn.way == Way.PHONE, within, counted(), unseen


def _looked_at(database: Database, case_id: int, day: date, now: datetime) -> str | None:
    """Flag what one person's check-ins of a day show; one that cannot be read stops no other.

    Return the kind of error that kept it from being read, if one did.
    """
    try:
        with database.transaction(SYSTEM, JOB) as session:
            mine = select(CheckIn).where(*_of(day), CheckIn.case_id == case_id)
            made = session.scalars(mine.order_by(CheckIn.at)).all()
            found = [it for checkin in made for it in _reasons(session, checkin)]
            if found:
                _flag(session, case_id, found, now)
    except Exception as error:  # noqa: BLE001 - one bad record does not stop the night
        kind, place = type(error).__name__, telemetry.place(error)
        log.error("evidence_failed", case=case_id, error=kind, place=place)  # noqa: TRY400 - no values
        return kind
    return None


def _reasons(session: Session, checkin: CheckIn) -> Iterator[Reason]:
    for it in checkin_evidence.patterns(session, checkin):
        if it.sign in BY_TIME | OF_ONE:
            yield _reason(it, checkin, "service_clock", it.facts)
    for it in checkin_evidence.positions(session, checkin):
        if it.sign in BY_POSITION:
            yield _reason(it, checkin, "positions", {})


def _reason(it: Finding, checkin: CheckIn, quality: str, facts: dict[str, object]) -> Reason:
    innocent = [why.value for why in it.innocent]
    figures = facts | {"checkin": checkin.id}
    return reason(_fact(it.sign), checkin.at, quality, *innocent, **figures)


def _flag(session: Session, case_id: int, found: Sequence[Reason], now: datetime) -> None:
    """Raise one flag, or tell the one that is open; of each sign the latest is kept."""
    ours = (RiskFlag.case_id == case_id, RiskFlag.kind == FlagKind.CHECKIN_EVIDENCE)
    lately = RiskFlag.handled_at > now - checkin_evidence.PATTERN_FOR
    answered = [
        it for flag in session.scalars(select(RiskFlag).where(*ours, lately)) for it in flag.reasons
    ]
    new = [it for it in found if not _answered(it, answered)]
    if not new:
        return
    flag = session.scalar(select(RiskFlag).where(*ours, RiskFlag.state == FlagState.OPEN))
    if flag is None:
        flag = _new(case_id, new[0], now)
        session.add(flag)
    flag.reasons = list({it["fact"]: it for it in (*flag.reasons, *new)}.values())
    session.flush()
    outbox.live(session, session.get_one(Case, case_id), "flag", flag.id, now)


def _let_go(session: Session) -> None:
    """Nobody need look any more once the case has ended."""
    waits = (RiskFlag.kind == FlagKind.CHECKIN_EVIDENCE, RiskFlag.state == FlagState.OPEN)
    over = select(RiskFlag).join(RiskFlag.case).where(*waits, Case.state.in_(ENDED))
    for flag in session.scalars(over):
        flag.fade()


def _answered(found: Reason, before: Sequence[Reason]) -> bool:
    """Whether an officer looked at this lately: at the very check-in, or at the same habit."""
    same = [it for it in before if it["fact"] == found["fact"]]
    habit = found["fact"] in HABITS
    return any(habit or it["facts"]["checkin"] == found["facts"]["checkin"] for it in same)


def _new(case_id: int, first: Reason, now: datetime) -> RiskFlag:
    return RiskFlag(
        case_id=case_id,
        kind=FlagKind.CHECKIN_EVIDENCE,
        key=f"checkin:{first['facts']['checkin']}:{first['fact']}",
        day=hours.local_day(now),
        law=LAW,
        reasons=[],
        state=FlagState.OPEN,
        raised_at=now,
    )
