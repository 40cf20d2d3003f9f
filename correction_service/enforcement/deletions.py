"""What is deleted of closed cases: what holds it back, and the receipt of what went (PIPL 47).

A receipt is a record of the log: it only grows, has its place there, and can be proved. It says
kinds, counts and digests, the rule with its basis and mark, and never a value.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service import audit
from correction_service.law import tables
from correction_service.people.cases import PENDING
from correction_service.scope import visible
from correction_service.settings import Settings
from models.assessment import Objection, ObjectionState
from models.audit import AuditRecord
from models.case import ENDED, Case
from models.clock import LegalClock
from models.discipline import PROPOSALS, Measure, MeasureState
from models.person_request import PersonRequest, PersonRequestState
from models.search import SearchRecord, SearchState
from models.user import User

ACTION, SUBJECT = "deleted", "supervised_case"
FILE = "file"  # the rule by which files are destroyed
BEFORE_COURT = (PENDING, "revocation", "recommitment", "arrest_decision", "arrest_custody")
MOST = 500


class Hold(StrEnum):
    """Why a closed case is kept although its time is over."""

    OBJECTION = "objection"
    SEARCH = "search"
    PROCEEDINGS = "proceedings"
    REQUEST = "request"
    OPINION = "opinion"  # these hold a file, and not its positions
    EXIT_BAN = "exit_ban"
    CORRECTION = "correction"
    PAPERS = "papers"
    TERM = "term"
    OTHER_CASE = "other_case"
    NOT_OVER = "not_over"


Kept = tuple[Case, list[Hold]]


def holding(of: type[Case] = Case) -> Mapping[Hold, ColumnElement[bool]]:
    """What keeps a case: while one is open, its facts may be needed as evidence."""
    running = LegalClock.case_id == of.id, LegalClock.stopped_at.is_(None)
    proposed = and_(Measure.kind.in_(PROPOSALS), Measure.state == MeasureState.DECIDED)
    looking = SearchRecord.state.in_((SearchState.DRAFT, SearchState.OPEN))
    objected = Objection.state == ObjectionState.OPEN
    asked = PersonRequest.state == PersonRequestState.OPEN
    return {
        Hold.OBJECTION: exists().where(Objection.case_id == of.id, objected),
        Hold.SEARCH: exists().where(SearchRecord.case_id == of.id, looking),
        Hold.PROCEEDINGS: or_(
            exists().where(*running, LegalClock.rule.in_(BEFORE_COURT)),
            exists().where(Measure.case_id == of.id, proposed),
        ),
        Hold.REQUEST: exists().where(PersonRequest.case_id == of.id, asked),
    }


def over(ended_before: datetime) -> ColumnElement[bool]:
    """Match the cases that ended before a moment and are held by nothing."""
    return and_(_ended(ended_before), free())


def free() -> ColumnElement[bool]:
    """Match the cases that are held by nothing."""
    return ~or_(*holding().values())


def _ended(before: datetime) -> ColumnElement[bool]:
    return and_(Case.state.in_(ENDED), Case.state_since < before)


@dataclass(frozen=True)
class Rule:
    """Why something is deleted after so many days or years."""

    name: str
    basis: str
    mark: str
    source: tables.Source
    days: int = 0
    years: int = 0

    def ended_before(self, now: datetime) -> datetime:
        """Cases that ended before this moment are over."""
        day = 28 if (now.month, now.day) == (2, 29) else now.day  # kept a day longer
        return now.replace(year=now.year - self.years, day=day) - timedelta(days=self.days)


def rule(session: Session, settings: Settings, name: str = "telemetry") -> Rule:
    """The rule in force, with the days that are set; at once where none are, and 0 of them."""
    said = _read(tables.folder_of(session)).get(name) or _read(None)[name]
    kept = (
        {said.get("unit", "days"): getattr(settings, said["setting"])} if "setting" in said else {}
    )
    return Rule(name, said["basis"], said["mark"], said["source"], **kept)


@lru_cache
def _read(folder: Path | None) -> dict[str, Any]:
    return tables.read(tables.RETENTION, folder)


@dataclass(frozen=True)
class Gone:
    """How many rows of a kind went, and the digest of their keys, sorted."""

    rows: int
    digest: str


def gone(keys: Iterable[object]) -> Gone:
    """Count and digest the keys of what is about to be deleted."""
    lines = sorted(map(str, keys))
    return Gone(len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest())


def receipt(
    session: Session,
    case_id: int,
    kinds: Mapping[str, Gone],
    by: Rule,
    now: datetime,
    *,
    span: tuple[datetime, datetime] | None = None,
    act: Mapping[str, Any] | None = None,
    also: Iterable[int] = (),
) -> None:
    """Write down what went, of which span if not of all; nothing where nothing was left.

    So no run says it twice. `act` adds by which list and by whom, where people decided it. `also`
    are cases of others that went with it: each has a record that names the one that counts.
    """
    said = {kind: vars(it) for kind, it in kinds.items() if it.rows}
    if said:
        detail: dict[str, Any] = {"kinds": said, "rule": vars(by), "on": now.isoformat()}
        detail |= act or {}
        if span is not None:
            detail["span"] = [moment.isoformat() for moment in span]
        audit.noted(session, ACTION, SUBJECT, {str(case_id): detail})
        _refer(session, case_id, detail, also)


def _refer(session: Session, to: int, detail: Mapping[str, Any], also: Iterable[int]) -> None:
    mine = AuditRecord.action == ACTION, AuditRecord.subject_kind == SUBJECT
    last = select(func.max(AuditRecord.id)).where(*mine, AuditRecord.subject_id == str(to))
    for case_id in also:
        said = {**detail, "kinds": {}, "counted_in": session.scalar(last)}
        audit.noted(session, ACTION, SUBJECT, {str(case_id): said})


def receipts(session: Session, user: User) -> Sequence[tuple[AuditRecord, Case]]:
    """The newest 500 receipts of the user's offices, the latest first."""
    return _read_receipts(session, _receipts(user).limit(MOST))


def to_keep(session: Session, user: User) -> Sequence[tuple[AuditRecord, Case]]:
    """What a copy outside needs: every receipt of a file, then the newest 500 of what else went.

    Who was erased since a backup was made is known after a restore by these alone.
    """
    of_file = AuditRecord.detail["rule"]["name"].as_string() == FILE
    files, rest = (_receipts(user).where(which) for which in (of_file, ~of_file))
    return [*_read_receipts(session, files), *_read_receipts(session, rest.limit(MOST))]


def _receipts(user: User) -> Select[AuditRecord, Case]:
    ours = AuditRecord.action == ACTION, AuditRecord.subject_kind == SUBJECT, visible(user)
    query = select(AuditRecord, Case).join(Case, cast(Case.id, String) == AuditRecord.subject_id)
    return query.where(*ours).order_by(AuditRecord.id.desc())


def _read_receipts(
    session: Session, query: Select[AuditRecord, Case]
) -> Sequence[tuple[AuditRecord, Case]]:
    return [(record, case) for record, case in session.execute(query)]


def held(session: Session, user: User, by: Rule, now: datetime) -> list[Kept]:
    """The cases of the user's offices whose time is over and that are kept, each with why."""
    return kept(session, user, _ended(by.ended_before(now)))


def kept(session: Session, user: User, which: ColumnElement[bool]) -> list[Kept]:
    """Which of these cases of the user's offices something holds, each with why."""
    why = holding()
    query = select(Case, *why.values()).options(joinedload(Case.person))
    query = query.where(which, or_(*why.values()), visible(user))
    rows = session.execute(query.order_by(Case.id).limit(MOST))
    return [
        (case, [hold for hold, held in zip(why, found, strict=True) if held])
        for case, *found in rows
    ]
