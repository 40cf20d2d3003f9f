"""The sweep: what a day's records say about who may be slipping away, as flags and drafts.

Every fact comes from one set-based query; rows are written in savepoints that are halved where
one fails, so that a bad record is named in the result and does not stop the night. A rerun finds
the same and writes nothing new; what no longer holds passes by itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from correction_service import hours, jobs, outbox
from correction_service.assessment.rulebooks import Rulebooks
from correction_service.audit import SYSTEM
from correction_service.casework import deductions, enrol_anew, findings, points, unfinished
from correction_service.casework.deductions import Cost
from correction_service.casework.findings import Finding, Look, Scope
from correction_service.db import Database
from correction_service.risk import slipping
from correction_service.settings import Settings
from correction_service.tracking import outages, ways
from models.case import Case
from models.errors import Invalid, Refused
from models.job import JobState
from models.points import DraftState, PointsDraft
from models.risk import FlagState, RiskFlag

JOB = "sweep"
AT_ONCE = 1000  # ids in one IN list
LOOKS = (
    *findings.LOOKS,
    unfinished.UNFINISHED,
    enrol_anew.ENROL_ANEW,
    deductions.MOOT,
    slipping.SLIPPING,
)
OTHERWISE = "What this rested on was settled or found otherwise."
T = TypeVar("T")
Place = tuple[int, str]


@dataclass
class SweepResult:
    """Flags that hold by kind, drafts made, flags and drafts that passed, records that failed."""

    day: date
    flags: Counter[str] = field(default_factory=Counter)
    drafts: int = 0
    passed: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `sweep --json` prints."""
        return {
            "day": self.day.isoformat(),
            "flags": dict(sorted(self.flags.items())),
            "drafts": self.drafts,
            "passed": self.passed,
            "errors": self.errors,
        }

    def fault(
        self, part: str, subject: str, error: Exception, *, case_id: int | None = None
    ) -> None:
        """Note a record that could not be swept: its ids and the kind of error, no values."""
        said = {"part": part, "subject": subject, "error": type(error).__name__}
        self.errors.append(said if case_id is None else said | {"case": case_id})


def run(database: Database, day: date, now: datetime, settings: Settings) -> SweepResult:
    """Sweep a day, as of its end or of now; `Refused` while another sweep of it runs."""
    scope = scope_of(day, now, settings)
    with database.transaction(SYSTEM, JOB) as session:
        scope = replace(scope, deaf=outages.deaf(session, scope.at))
        scope = replace(scope, ways=ways.shut(session, scope))
        mine = jobs.claim(session, JOB, day, now)
    if mine is None:
        raise Refused("A sweep of %(day)s is running already.", code="running", day=str(day))
    result, state = SweepResult(day), JobState.FAILED
    try:
        for look in LOOKS:
            if scope.live or not look.live_only:
                _part(database, look.kind.value, result, partial(_flag, look=look, scope=scope))
        _part(database, "points", result, partial(_draft, scope=scope))
        state = JobState.DONE
    finally:
        with database.transaction(SYSTEM, JOB) as session:
            jobs.finish(session, mine, now, state, result.as_json())
    return result


def scope_of(day: date, now: datetime, settings: Settings) -> Scope:
    """Return what a sweep of `day` looks at; a day to come cannot be swept."""
    today = hours.local_day(now)
    if day > today:
        raise Invalid("This day has not begun.", field="day")
    at = now if day == today else hours.day_end(day)
    return Scope(day, at, now, settings)


def _part(database: Database, name: str, result: SweepResult, work: Callable[..., None]) -> None:
    """Do one part in its own transaction; when it fails as a whole, the others still run."""
    try:
        with database.transaction(SYSTEM, JOB) as session:
            work(session, result=result)
    except SQLAlchemyError as error:
        result.fault(name, "all", error)


def _flag(session: Session, look: Look, scope: Scope, result: SweepResult) -> None:
    found, unread = _found(session, look, scope, result)
    known = _known(session, look, [key for _, key in found])
    raised: list[RiskFlag] = []

    def write(finding: Finding) -> None:
        flag = known.get((finding.case_id, finding.key))
        if flag is None:
            raised.append(_new(look, finding, scope))
            session.add(raised[-1])
        elif scope.live:
            flag.see(finding.reasons, finding.due)
            flag.band, flag.points, flag.weights = finding.band, finding.points, finding.weights

    failed = _apart(session, list(found.values()), write)
    for finding, error in failed:
        result.fault(look.kind.value, f"case {finding.case_id}", error)
    result.flags[look.kind.value] = len(found) - len(failed)
    gone = [flag for place, flag in known.items() if place not in found and place[0] not in unread]
    if scope.live:
        result.passed += _fade(session, gone, scope)
    _tell(session, "flag", [flag for flag in raised if flag in session], scope)


def _found(
    session: Session, look: Look, scope: Scope, result: SweepResult
) -> tuple[dict[Place, Finding], set[int]]:
    """Read a look's findings by place; the second set names cases whose row could not be read."""
    found: dict[Place, Finding] = {}
    unread: set[int] = set()
    for row in look.rows(session, scope):
        try:
            finding = look.finding(row, scope)
        except Exception as error:  # noqa: BLE001 - one bad record does not stop the night
            result.fault(look.kind.value, f"case {row.case_id}", error)
            unread.add(row.case_id)
        else:
            found[finding.case_id, finding.key] = finding
    return found, unread


def _known(session: Session, look: Look, keys: Sequence[str]) -> dict[Place, RiskFlag]:
    """Flags of this kind that are open, and those, in any state, that were found again."""
    of_kind = select(RiskFlag).where(RiskFlag.kind == look.kind)
    flags = list(session.scalars(of_kind.where(RiskFlag.state == FlagState.OPEN)))
    for some in _batches(sorted(set(keys))):
        flags += session.scalars(of_kind.where(RiskFlag.key.in_(some)))
    return {(flag.case_id, flag.key): flag for flag in flags}


def _new(look: Look, finding: Finding, scope: Scope) -> RiskFlag:
    return RiskFlag(
        case_id=finding.case_id,
        kind=look.kind,
        key=finding.key,
        day=scope.day,
        due=finding.due,
        law=look.law,
        reasons=finding.reasons,
        band=finding.band,
        points=finding.points,
        weights=finding.weights,
        raised_at=scope.now,
    )


def _fade(session: Session, flags: Sequence[RiskFlag], scope: Scope) -> int:
    fading = [flag for flag in flags if flag.state is FlagState.OPEN]
    for flag in fading:
        flag.fade()
    session.flush()
    _tell(session, "flag", fading, scope)
    return len(fading)


def _draft(session: Session, scope: Scope, result: SweepResult) -> None:
    """Draft what the facts cost under the rulebook of their day; one without the item asks none."""
    rulebooks = Rulebooks(session)
    made: list[PointsDraft] = []

    def write(found: tuple[Cost, Any]) -> None:
        cost, row = found
        day = hours.local_day(row.happened_at)
        book = rulebooks.on(day, row.agency_id)
        if book.prices(cost.item):
            made.append(points.proposed(book, row.case_id, cost.item, cost.fact(row), day))
            made[-1].evidence, made[-1].made_at = deductions.evidence(cost, row), scope.now
            session.add(made[-1])

    undrafted = ((cost, session.execute(cost.undrafted(scope))) for cost in deductions.COSTS)
    for (cost, row), error in _apart(
        session, [(c, row) for c, rows in undrafted for row in rows], write
    ):
        result.fault("points", f"{cost.kind} {row.id}", error, case_id=row.case_id)
    drafts = [draft for draft in made if draft in session]
    result.drafts = len(drafts)
    _tell(session, "points_draft", drafts, scope)
    if scope.live:
        result.passed += _withdraw(session, scope)


def _withdraw(session: Session, scope: Scope) -> int:
    """Drop undecided drafts whose fact is gone: a missed duty was answered late after all."""
    undecided = select(PointsDraft).where(PointsDraft.state == DraftState.DRAFT, deductions.gone())
    drafts = list(session.scalars(undecided))
    for draft in drafts:
        draft.withdraw(scope.now, OTHERWISE)
    session.flush()
    _tell(session, "points_draft", drafts, scope)
    return len(drafts)


def _apart(
    session: Session, items: Sequence[T], write: Callable[[T], None]
) -> list[tuple[T, Exception]]:
    """Write all in one savepoint, halving where that fails; return what cannot be written."""
    try:
        with session.begin_nested():
            for item in items:
                write(item)
    except Exception as error:  # noqa: BLE001 - one bad record does not stop the night
        if len(items) == 1:
            return [(items[0], error)]
        middle = len(items) // 2
        return [
            *_apart(session, items[:middle], write),
            *_apart(session, items[middle:], write),
        ]
    return []


def _tell(
    session: Session, kind: str, subjects: Sequence[RiskFlag | PointsDraft], scope: Scope
) -> None:
    """Tell the live pages of each case's office."""
    for some in _batches(sorted({subject.case_id for subject in subjects})):
        cases = {case.id: case for case in session.scalars(select(Case).where(Case.id.in_(some)))}
        for subject in subjects:
            if subject.case_id in cases:
                outbox.live(session, cases[subject.case_id], kind, subject.id, scope.now)


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
