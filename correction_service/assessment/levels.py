"""管理等级建议: what the closed months of a quarter suggest; an officer decides, never this.

On points for every hundred of the base: the mean of a quarter is that of its months, those without
base left out. The thresholds are the rulebook's.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.assessment import level_changes, months
from correction_service.assessment.months import month_before
from correction_service.assessment.rulebooks import Rulebooks
from correction_service.audit import SYSTEM
from correction_service.db import Database, among
from correction_service.scope import case_for, visible
from models.assessment import LevelSuggestion, PointsMonth, SuggestionState
from models.case import Case, Level, supervised_on
from models.errors import NotFound
from models.points import PointsEntry, Rulebook
from models.user import Permission, User

MONTHS = 3  # of a quarter


@dataclass(frozen=True)
class Record:
    """What a suggestion rests on: quarters' means, the latest last, and penalties by quarter."""

    means: Mapping[date, float | None]
    penalties: Mapping[date, Sequence[str]]
    months_in: int

    def suggests(self, thresholds: Mapping[str, Any]) -> Level:
        """Return the level that the rulebook's thresholds make of it."""
        strict, lenient = thresholds["strict"], thresholds["lenient"]
        latest = max(self.means)
        last = self.means[latest]
        penalised = self.penalties.get(latest, ())
        if any(item in penalised for item in strict["or_after"]):
            return Level.STRICT
        if last is not None and last < strict["mean_below"]:
            return Level.STRICT
        means = sorted(self.means.items())[-lenient["quarters"] :]
        enough = all(mean is not None and mean >= lenient["mean_at_least"] for _, mean in means)
        clean = not any(self.penalties.values()) or not lenient["without_penalty"]
        if enough and clean and self.months_in >= lenient["months_in"]:
            return Level.LENIENT
        return Level.ORDINARY


def quarter_of(day: date) -> date:
    """Return the first day of the quarter that a day lies in."""
    return date(day.year, day.month - (day.month - 1) % MONTHS, 1)


def ends_quarter(month: date) -> bool:
    """Whether a month is the last of its quarter."""
    return month.month % MONTHS == 0


def quarter_before(day: date) -> date:
    """Return the first day of the quarter before the one that a day lies in."""
    return quarter_of(quarter_of(day) - timedelta(days=1))


def mean(closed: Sequence[PointsMonth]) -> float | None:
    """Return the mean share of some months; None where none of them has a base."""
    shares = [month.share for month in closed if month.share is not None]
    return fmean(shares) if shares else None


def suggest(database: Database, quarter: date, now: datetime, page: int = months.PAGE) -> int:
    """Suggest another level for whom a closed quarter speaks for one; return how many.

    Doing it again changes nothing: one suggestion a case and quarter.
    """
    after = made = 0
    while True:
        with database.transaction(SYSTEM, "levels") as session:
            ids = _next_ids(session, after, now, page)
            if not ids:
                return made
            found = list(_suggested(session, quarter, ids))
            _write(session, quarter, found, now)
        made, after = made + len(found), ids[-1]


def _next_ids(session: Session, after: int, now: datetime, page: int) -> Sequence[int]:
    supervised = supervised_on(hours.local_day(now))
    query = select(Case.id).where(Case.id > after, supervised).order_by(Case.id).limit(page)
    return session.scalars(query).all()


def _suggested(
    session: Session, quarter: date, ids: Sequence[int]
) -> Iterator[tuple[Case, Rulebook, Level, Record]]:
    ends = quarter + timedelta(days=31 * MONTHS)
    last = month_before(ends.replace(day=1))
    cases = {it.id: it for it in session.scalars(select(Case).where(among(session, Case.id, ids)))}
    books = Rulebooks(session)
    begins = quarter_before(quarter)
    penalties = _penalties(session, begins, ends.replace(day=1), ids)
    decided = _decided(session, quarter, ids)
    for case_id, closed in months.standing(session, begins, last, ids):
        case = cases[case_id]
        if case_id in decided or closed[-1].month != last:
            continue
        book = books.on(last, case.agency_id)
        record = _record(case, quarter, closed, penalties.get(case_id, {}))
        level = record.suggests(book.rules["suggestions"])
        if level is not case.level:
            yield case, book, level, record


def _record(
    case: Case,
    quarter: date,
    closed: Sequence[PointsMonth],
    penalties: Mapping[date, Sequence[str]],
) -> Record:
    by_quarter: dict[date, list[PointsMonth]] = {quarter_before(quarter): [], quarter: []}
    for month in closed:
        by_quarter[quarter_of(month.month)].append(month)
    means = {begins: mean(some) for begins, some in by_quarter.items()}
    end = quarter + timedelta(days=31 * MONTHS)
    return Record(means, penalties, _whole_months(case.reported_on or end, end.replace(day=1)))


def _whole_months(since: date, until: date) -> int:
    passed = 12 * (until.year - since.year) + until.month - since.month
    return passed - (until.day < since.day)


def _penalties(
    session: Session, first: date, before: date, ids: Sequence[int]
) -> dict[int, dict[date, list[str]]]:
    """Formal penalties that stand in the ledger, by case and quarter: what replaces a deduction."""
    total = func.sum(PointsEntry.points)
    query = (
        select(PointsEntry.case_id, PointsEntry.item, PointsEntry.happened_on)
        .where(
            PointsEntry.happened_on >= first,
            PointsEntry.happened_on < before,
            among(session, PointsEntry.case_id, ids),
        )
        .group_by(PointsEntry.case_id, PointsEntry.item, PointsEntry.happened_on)
        .having(total < 0)
    )
    formal = {
        item
        for book in session.scalars(select(Rulebook))
        for item, rule in book.rules["items"].items()
        if rule.get("replaces")
    }
    found: dict[int, dict[date, list[str]]] = defaultdict(lambda: defaultdict(list))
    for case_id, item, day in session.execute(query):
        if item in formal:
            found[case_id][quarter_of(day)].append(item)
    return found


def _decided(session: Session, quarter: date, ids: Sequence[int]) -> set[int]:
    query = select(LevelSuggestion.case_id).where(
        LevelSuggestion.quarter == quarter, among(session, LevelSuggestion.case_id, ids)
    )
    return set(session.scalars(query))


def _write(
    session: Session,
    quarter: date,
    found: Sequence[tuple[Case, Rulebook, Level, Record]],
    now: datetime,
) -> None:
    """Add suggestions; open ones of earlier quarters are overtaken."""
    ids = [case.id for case, *_ in found]
    session.execute(
        update(LevelSuggestion)
        .where(
            among(session, LevelSuggestion.case_id, ids),
            LevelSuggestion.state == SuggestionState.OPEN,
        )
        .values(state=SuggestionState.PASSED)
    )
    for case, book, level, record in found:
        session.add(
            LevelSuggestion(
                case_id=case.id,
                quarter=quarter,
                rulebook=book,
                level=level,
                grounds=_grounds(record),
                made_at=now,
            )
        )
    session.flush()


def _grounds(record: Record) -> dict[str, Any]:
    means = {
        f"{day:%Y-%m}": None if share is None else round(share, 1)
        for day, share in record.means.items()
    }
    penalties = {f"{day:%Y-%m}": list(items) for day, items in record.penalties.items()}
    return {"means": means, "penalties": penalties, "months_in": record.months_in}


def open_of(session: Session, case_id: int) -> LevelSuggestion | None:
    """Return what is suggested for a case and not decided yet."""
    query = select(LevelSuggestion).where(
        LevelSuggestion.case_id == case_id, LevelSuggestion.state == SuggestionState.OPEN
    )
    return session.scalars(query).first()


def to_decide(user: User) -> Select[LevelSuggestion]:
    """Suggestions in the user's offices that nobody decided."""
    query = select(LevelSuggestion).join(LevelSuggestion.case).where(visible(user))
    waiting = query.where(LevelSuggestion.state == SuggestionState.OPEN)
    whose = joinedload(LevelSuggestion.case).joinedload(Case.person)
    return waiting.options(whose, joinedload(LevelSuggestion.rulebook)).order_by(LevelSuggestion.id)


def decide(
    session: Session,
    user: User,
    suggestion_id: int,
    state: SuggestionState,
    *,
    note: str,
    now: datetime,
) -> LevelSuggestion:
    """Take or refuse a suggested level, with a reason; only taking it changes the case."""
    suggestion = _locked(session, user, suggestion_id)
    suggestion.decide(state, user.id, now, note)
    if state is SuggestionState.TAKEN:
        level_changes.take(session, suggestion, user.id, note, now)
    session.flush()
    outbox.live(session, suggestion.case, "case", suggestion.case_id, now)
    return suggestion


def _locked(session: Session, user: User, suggestion_id: int) -> LevelSuggestion:
    """Lock a case of the user's offices and then its suggestion: `set_level` takes them so, too."""
    mine = select(LevelSuggestion.case_id).where(LevelSuggestion.id == suggestion_id)
    case_id = session.scalar(mine)
    if case_id is None:
        raise NotFound("There is no such suggestion in your offices.")
    level_changes.lock(session, case_for(session, user, case_id, Permission.SUPERVISE))
    return session.get_one(LevelSuggestion, suggestion_id, with_for_update=True)
