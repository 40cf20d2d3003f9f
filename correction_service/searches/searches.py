"""Draft, declare and lead a search; what it waits for, in calendar terms.

A draft is a proposal to look, made at once when a case is out of reach (LCC 30) or evidence of
slipping away is red. Only an officer's finding makes anybody 脱管.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.discipline import ladder
from correction_service.discipline.ladder import Limb
from correction_service.people import custody
from correction_service.people.cases import open_case_for
from correction_service.scope import case_for, visible
from models.case import ENDED, Case, CaseState, supervised_on
from models.discipline import MeasureKind
from models.errors import Invalid, NotFound, Refused
from models.order import months_later
from models.risk import FlagKind, FlagState, RiskFlag
from models.risk_score import Band
from models.search import (
    Finding,
    LetterKind,
    SearchLetter,
    SearchRecord,
    SearchState,
    SearchStep,
    StepKind,
)
from models.user import Permission, User

RUNNING = (SearchState.DRAFT, SearchState.OPEN)
OUT_OF_REACH = (CaseState.LOST_CONTACT, CaseState.ABSCONDED)


@dataclass(frozen=True)
class Clock:
    """A day by which something is due or passes, and the law with its mark."""

    name: str
    day: date
    law: str

    def over(self, today: date) -> bool:
        """Whether the day is past."""
        return today > self.day


def draft(session: Session, now: datetime) -> int:
    """Draft a search for everybody out of reach and for red evidence; return how many.

    A flag that led to a search once leads to no second one, also where an officer dropped it.
    """
    running = exists().where(SearchRecord.case_id == Case.id, SearchRecord.state.in_(RUNNING))
    day = hours.local_day(now)
    lost = select(Case).where(Case.state.in_(OUT_OF_REACH), ~running, ~_since_then())
    wanted = [_drafted(case, None, now) for case in session.scalars(lost)]
    known = exists().where(SearchRecord.flag_id == RiskFlag.id)
    red = (
        select(RiskFlag)
        .join(RiskFlag.case)
        .where(_red(), supervised_on(day), Case.state.not_in(OUT_OF_REACH), ~running, ~known)
        .options(joinedload(RiskFlag.case))
    )
    wanted += [_drafted(flag.case, flag, now) for flag in session.scalars(red)]
    return sum(_put(session, record, now) for record in wanted)


def _put(session: Session, record: SearchRecord, now: datetime) -> bool:
    """Store a draft, unless an officer began a search for them a moment ago."""
    try:
        with session.begin_nested():
            session.add(record)
            session.flush()
    except IntegrityError:
        return False
    outbox.live(session, record.case, "search", record.id, now)
    return True


def _red() -> ColumnElement[bool]:
    kind, state = RiskFlag.kind == FlagKind.SLIPPING_AWAY, RiskFlag.state == FlagState.OPEN
    return and_(kind, state, RiskFlag.band == Band.RED)


def _since_then() -> ColumnElement[bool]:
    """Whether a search ended while the case was in its present state: a person decided on it."""
    return exists().where(
        SearchRecord.case_id == Case.id,
        or_(SearchRecord.ended_at >= Case.state_since, SearchRecord.drafted_at >= Case.state_since),
    )


def _drafted(case: Case, flag: RiskFlag | None, now: datetime) -> SearchRecord:
    reasons = flag.reasons if flag else []
    return SearchRecord(
        case=case,
        flag_id=flag.id if flag else None,
        reasons=reasons,
        drafted_at=now,
        state=SearchState.DRAFT,
    )


def begin(session: Session, user: User, case_id: int, since: date, now: datetime) -> SearchRecord:
    """Open a search by an officer's own word, without a draft or from the one there is."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    session.refresh(case, with_for_update=True)
    record = running_of(session, case_id)
    if record is None:
        record = _drafted(case, None, now)
        session.add(record)
    record.declare(since, hours.local_day(now), user.id, now)
    if case.state not in OUT_OF_REACH:
        case.move(CaseState.LOST_CONTACT, now)
    return _changed(session, record, now)


def drop(session: Session, user: User, record_id: int, note: str, now: datetime) -> SearchRecord:
    """Drop a draft with the reason."""
    record = record_for(session, user, record_id, Permission.SUPERVISE)
    record.drop(user.id, now, note)
    return _changed(session, record, now)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What was tried, when, what came of it, and what fixes it."""

    kind: StepKind
    happened_at: datetime
    outcome: str
    evidence: str = ""


def step(session: Session, user: User, record_id: int, tried: Step, now: datetime) -> SearchStep:
    """Write down a step of an open search."""
    record = record_for(session, user, record_id, Permission.SUPERVISE)
    record.refuse_unless_open()
    if not tried.outcome.strip():
        raise Invalid("Say what came of it.", field="outcome")
    if tried.happened_at > now:
        raise Invalid("This moment is still to come.", field="happened_at")
    made = SearchStep(
        record=record,
        kind=tried.kind,
        happened_at=tried.happened_at,
        outcome=tried.outcome.strip(),
        evidence=tried.evidence.strip() or None,
        made_by=user.id,
        made_at=now,
    )
    session.add(made)
    _changed(session, record, now)
    return made


def send(
    session: Session,
    user: User,
    record_id: int,
    kind: LetterKind,
    *,
    number: str,
    now: datetime,
) -> SearchLetter:
    """Write down that a letter went out; the police are asked once something was tried."""
    record = record_for(session, user, record_id, Permission.SUPERVISE)
    record.refuse_unless_open()
    if not number.strip():
        raise Invalid("Give the number of the letter.", field="number")
    if not record.steps:
        raise Refused("What was tried comes first: write down a step.", field="number")
    if any(letter.kind is kind for letter in record.letters):
        raise Refused("This letter was sent already.", field="number")
    letter = SearchLetter(
        record=record, kind=kind, number=number.strip(), sent_by=user.id, sent_at=now
    )
    session.add(letter)
    _changed(session, record, now)
    return letter


def receive(
    session: Session, user: User, record_id: int, kind: LetterKind, *, how: str, now: datetime
) -> SearchLetter:
    """Write down that a letter arrived."""
    record = record_for(session, user, record_id, Permission.SUPERVISE)
    for letter in record.letters:
        if letter.kind is kind:
            letter.receive(how, now)
            _changed(session, record, now)
            return letter
    raise NotFound("There is no such letter.")


def find(
    session: Session,
    user: User,
    record_id: int,
    finding: Finding,
    *,
    note: str,
    now: datetime,
    in_custody_since: date | None = None,
) -> SearchRecord:
    """End a search with how the person was found; in custody with since when.

    An ended case stays ended: the finding alone is written down.
    """
    record = record_for(session, user, record_id, Permission.SUPERVISE)
    record.find(finding, user.id, now, note)
    if finding is Finding.CUSTODY and record.case.state not in ENDED | {CaseState.DETAINED}:
        custody.begin(session, record.case, in_custody_since, note.strip(), now)
    return _changed(session, record, now)


def clocks(record: SearchRecord) -> list[Clock]:
    """The days that pass: ten, after which it is more than an admonition; a calendar month."""
    if record.since is None:
        return []
    minor = _minor()
    grave = ladder.limb(MeasureKind.REVOKE_SUSPENSION, "out_over_a_month")
    return [
        Clock(
            "ten_days",
            record.since + timedelta(days=minor.most_days or 0),
            f"{minor.law} ({minor.mark})",
        ),
        Clock(
            "one_month",
            months_later(record.since, grave.over_months or 0),
            f"{grave.law} ({grave.mark})",
        ),
    ]


def _minor() -> Limb:
    """As long as an absence asks for no more than an admonition."""
    return ladder.limb(MeasureKind.ADMONITION, "late_or_out")


def days_out(record: SearchRecord, today: date) -> int | None:
    """How many days the person was out of reach; the first is not counted."""
    if record.since is None:
        return None
    end = hours.local_day(record.ended_at) if record.ended_at else today
    return (end - record.since).days


def running_of(session: Session, case_id: int) -> SearchRecord | None:
    """Return the search for a person that is drafted or open."""
    query = select(SearchRecord).where(
        SearchRecord.case_id == case_id, SearchRecord.state.in_(RUNNING)
    )
    return session.scalars(query.with_for_update()).one_or_none()


def record_for(
    session: Session, user: User, record_id: int, permission: Permission = Permission.SEE_CASES
) -> SearchRecord:
    """Return a search for somebody that the user may see and act on."""
    record = session.get(SearchRecord, record_id)
    if record is None:
        raise NotFound("There is no such search in your offices.")
    case_for(session, user, record.case_id, permission)
    if permission is not Permission.SEE_CASES:
        session.refresh(record, with_for_update=True)
    return record


def running(user: User) -> Select[SearchRecord]:
    """Searches in the user's offices that nobody ended, the longest first."""
    query = select(SearchRecord).join(SearchRecord.case).where(visible(user))
    whose = joinedload(SearchRecord.case)
    return (
        query.where(SearchRecord.state.in_(RUNNING))
        .options(whose.joinedload(Case.person), whose.joinedload(Case.office))
        .order_by(SearchRecord.since.is_(None), SearchRecord.since, SearchRecord.id)
    )


def pressing(user: User, today: date) -> Select[SearchRecord]:
    """Drafts that nobody declared or dropped, and searches past their first day of the law."""
    past = SearchRecord.since < today - timedelta(days=_minor().most_days or 0)
    return running(user).where(or_(SearchRecord.state == SearchState.DRAFT, past))


def passed(record: SearchRecord, today: date) -> list[Clock]:
    """Its days that are past while the person is still out of reach."""
    return [it for it in clocks(record) if it.over(today)]


def of(session: Session, case_id: int) -> Sequence[SearchRecord]:
    """Return the searches for a person, the latest first."""
    query = select(SearchRecord).where(SearchRecord.case_id == case_id)
    return session.scalars(query.order_by(SearchRecord.id.desc())).all()


def _changed(session: Session, record: SearchRecord, now: datetime) -> SearchRecord:
    session.flush()
    outbox.live(session, record.case, "search", record.id, now)
    return record
