"""月度结算: close a month of every ledger, a page of cases at a time, and again where it changed.

A page is three reads and one insert, and commits by itself: killed in the middle, a rerun writes
what is missing and nothing twice. A month is reckoned as of the first moment of a day, so that
everything before it has been committed and closing again gives the same.
"""

import calendar
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select
from sqlalchemy.orm import Session, load_only

from correction_service import audit, hours, jobs
from correction_service.assessment.rulebooks import Rulebooks
from correction_service.audit import SYSTEM
from correction_service.db import Database, among
from models.assessment import Objection, PointsMonth, held
from models.case import ENDED, Case
from models.errors import DomainError, Refused
from models.job import JobState
from models.points import PointsEntry
from models.sentence_correction import CorrectionState, SentenceCorrection

JOB = "points_close"
PAGE = 10_000  # cases read and written at once
LATE = timedelta(days=7)  # a service that was down for a week still finds what came after a close
Sums = Mapping[int, Mapping[str, int]]


@dataclass
class Closed:
    """What a close did: first editions, corrected ones, those that stand; cases that failed."""

    month: date
    first: int = 0
    corrected: int = 0
    unchanged: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the shape that the command prints."""
        return {
            "month": f"{self.month:%Y-%m}",
            "first": self.first,
            "corrected": self.corrected,
            "unchanged": self.unchanged,
            "errors": self.errors,
        }


@dataclass(frozen=True)
class Span:
    """The month that is closed, and the moment as of which."""

    first: date
    as_of: datetime

    @property
    def last(self) -> date:
        """The month's last day."""
        return self.first.replace(day=calendar.monthrange(self.first.year, self.first.month)[1])


def month_before(day: date) -> date:
    """Return the first day of the month before the one that a day lies in."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def run(database: Database, month: date, now: datetime, page: int = PAGE) -> Closed:
    """Close a month whose closing day has come; `Refused` before it, or while another run lives."""
    first, today = month.replace(day=1), hours.local_day(now)
    with database.transaction(SYSTEM, JOB) as session:
        day = closes_on(session, first)
        if today < day:
            raise Refused("This month closes on %(day)s.", day=day.isoformat(), field="month")
        mine = jobs.claim(session, JOB, first, now)
    if mine is None:
        raise Refused("This month is being closed already.", code="running")
    closed, state = Closed(first), JobState.FAILED
    try:
        _all_pages(database, Span(first, hours.day_start(today)), now, page, closed)
        state = JobState.DONE
    finally:
        with database.transaction(SYSTEM, JOB) as session:
            jobs.finish(session, mine, now, state, closed.as_json())
    return closed


def closes_on(session: Session, first: date) -> date:
    """Return the day of the next month on which a month closes, as the common rulebook says."""
    closes: int = Rulebooks(session).on(first).rules["close_day"]
    return (first + timedelta(days=31)).replace(day=closes)


def _all_pages(database: Database, span: Span, now: datetime, page: int, closed: Closed) -> None:
    after = 0
    while True:
        with database.transaction(SYSTEM, JOB) as session:
            ids = _next_ids(session, span, after, page)
            if not ids:
                return
            close_some(session, span, ids, now, closed)
        after = ids[-1]


def _next_ids(session: Session, span: Span, after: int, page: int) -> Sequence[int]:
    query = select(Case.id).where(Case.id > after, _under(span)).order_by(Case.id).limit(page)
    return session.scalars(query).all()


def _under(span: Span) -> ColumnElement[bool]:
    """Cases that may have a day under correction in the month."""
    running = or_(Case.state.not_in(ENDED), Case.state_since >= hours.day_start(span.first))
    return and_(Case.reported_on <= span.last, Case.term_end >= span.first, running)


def close_some(
    session: Session, span: Span, ids: Sequence[int], now: datetime, closed: Closed
) -> None:
    """Close the month of some cases: an edition is written only where the figures are new."""
    latest = _latest(session, span, ids)
    times = {"month": span.first, "as_of": span.as_of, "closed_at": now}
    rows = []
    for case_id, figures in figures_of(session, span, ids, closed.errors).items():
        before = latest.get(case_id)
        if before is not None and before.says(figures):
            closed.unchanged += 1
            continue
        edition = 1 if before is None else before.edition + 1
        rows.append(figures | times | {"case_id": case_id, "edition": edition})
    if rows:
        session.execute(insert(PointsMonth), rows)
        new = sum(row["edition"] == 1 for row in rows)
        closed.first, closed.corrected = closed.first + new, closed.corrected + len(rows) - new
        detail = {"cases": len(rows), "from": ids[0], "to": ids[-1]}
        audit.noted(session, "close_month", "points_month", {f"{span.first:%Y-%m}": detail})


def figures_of(
    session: Session, span: Span, ids: Sequence[int], errors: list[dict[str, Any]] | None = None
) -> dict[int, dict[str, Any]]:
    """Reckon the month of some cases; one that cannot be is named among `errors` and left out."""
    query = select(Case).where(among(session, Case.id, ids)).options(load_only(*_COLUMNS))
    counted, aside = _sums(session, span, ids)
    books, found = Rulebooks(session), {}
    for case in session.scalars(query.order_by(Case.id)):
        sums = counted.get(case.id, {}), aside.get(case.id, {})
        try:
            found[case.id] = _figures(case, span, books, *sums)
        except (DomainError, LookupError, TypeError, ValueError) as error:
            if errors is None:
                raise
            errors.append({"case": case.id, "error": type(error).__name__})
    return found


_COLUMNS = (Case.agency_id, Case.reported_on, Case.term_end, Case.state, Case.state_since)


def _figures(
    case: Case, span: Span, books: Rulebooks, counted: Mapping[str, int], aside: Mapping[str, int]
) -> dict[str, Any]:
    book = books.on(span.first, case.agency_id)
    days = case.days_under(span.first, span.last)
    base = book.month_base(days, span.last.day)
    return {
        "rulebook_id": book.id,
        "days": days,
        "base": base,
        "held": sum(aside.values()),
        "total": book.month_total(base, counted),
    }


def _sums(session: Session, span: Span, ids: Sequence[int]) -> tuple[Sums, Sums]:
    """Points by case and item, known before `as_of`: those that count, those that are held."""
    columns = (PointsEntry.case_id, PointsEntry.item, PointsEntry.points)
    known = (
        select(*columns, held(span.as_of).label("aside"))
        .where(
            PointsEntry.happened_on.between(span.first, span.last),
            PointsEntry.made_at < span.as_of,
            among(session, PointsEntry.case_id, ids),
        )
        .subquery()
        .c
    )
    keys = (known.case_id, known.item, known.aside)
    query = select(*keys, func.sum(known.points)).group_by(*keys)
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    aside: dict[int, Counter[str]] = defaultdict(Counter)
    for case_id, item, is_held, points in session.execute(query):
        (aside if is_held else counted)[case_id][item] += points
    return counted, aside


def _latest(session: Session, span: Span, ids: Sequence[int]) -> dict[int, PointsMonth]:
    query = (
        select(PointsMonth)
        .where(PointsMonth.month == span.first, among(session, PointsMonth.case_id, ids))
        .order_by(PointsMonth.edition)
    )
    return {row.case_id: row for row in session.scalars(query)}


def correct(database: Database, now: datetime) -> list[Closed]:
    """Make new editions of closed months of which something was decided since."""
    as_of = hours.day_start(hours.local_day(now))
    done = []
    with database.transaction(SYSTEM, JOB) as session:
        for first, ids in sorted(_touched(session, as_of).items()):
            closed = Closed(first)
            close_some(session, Span(first, as_of), sorted(ids), now, closed)
            done.append(closed)
    return done


def _touched(session: Session, as_of: datetime) -> dict[date, Collection[int]]:
    """Closed months with the cases of whom something came lately.

    That is an entry, an objection, an answer; or a corrected sentence, which counts other days, of
    months too that were closed without the case: a longer term has days in them.
    """
    lately = as_of - LATE
    late = select(PointsEntry.case_id, PointsEntry.happened_on).outerjoin(
        Objection, Objection.entry_id == PointsEntry.id
    )
    late = late.where(
        or_(
            PointsEntry.made_at.between(lately, as_of),
            Objection.made_at.between(lately, as_of),
            Objection.answered_at.between(lately, as_of),
        )
    )
    found: dict[date, set[int]] = defaultdict(set)
    for case_id, happened_on in chain(session.execute(late), _corrected(session, lately, as_of)):
        found[happened_on.replace(day=1)].add(case_id)
    return {first: ids for first, ids in found.items() if _is_closed(session, first)}


def _corrected(session: Session, lately: datetime, as_of: datetime) -> Iterator[tuple[int, date]]:
    """Cases with a sentence corrected lately: their closed months, and those of a longer term."""
    agreed = select(SentenceCorrection).where(
        SentenceCorrection.state == CorrectionState.AGREED,
        SentenceCorrection.decided_at.between(lately, as_of),
    )
    corrections = session.scalars(agreed).all()
    if not corrections:
        return
    ids = {it.case_id for it in corrections}
    mine = select(PointsMonth.case_id, PointsMonth.month)
    rows = session.execute(mine.where(among(session, PointsMonth.case_id, ids)))
    yield from ((case_id, first) for case_id, first in rows)
    yield from _gained(session, corrections, as_of)


def _gained(
    session: Session, corrections: Sequence[SentenceCorrection], as_of: datetime
) -> Iterator[tuple[int, date]]:
    """Closed months after the end that stood before: they were closed without the case."""
    longer = [(it.case_id, it.before["term_end"]) for it in corrections if it.lengthens]
    ended = dict(sorted(longer, key=itemgetter(1), reverse=True))  # of several ends the first
    if not ended:
        return
    for first in session.scalars(select(PointsMonth.month).distinct()).all():
        span = Span(first, as_of)
        ids = [case_id for case_id, end in ended.items() if date.fromisoformat(end) < span.first]
        under = select(Case.id).where(among(session, Case.id, ids), _under(span))
        yield from ((case_id, first) for case_id in session.scalars(under))


def _is_closed(session: Session, first: date) -> bool:
    return (
        session.scalar(select(PointsMonth.id).where(PointsMonth.month == first).limit(1))
        is not None
    )


def of(session: Session, case_id: int) -> list[PointsMonth]:
    """Return the standing edition of each closed month of a case, the latest month first."""
    query = select(PointsMonth).where(PointsMonth.case_id == case_id)
    in_order = session.scalars(query.order_by(PointsMonth.month.desc(), PointsMonth.edition))
    return list({row.month: row for row in in_order}.values())


def standing(
    session: Session, first: date, last: date, ids: Sequence[int]
) -> Iterator[tuple[int, list[PointsMonth]]]:
    """Yield each case with its closed months of a span, standing editions only."""
    query = (
        select(PointsMonth)
        .where(PointsMonth.month.between(first, last), among(session, PointsMonth.case_id, ids))
        .order_by(PointsMonth.edition)
    )
    found: dict[int, dict[date, PointsMonth]] = defaultdict(dict)
    for row in session.scalars(query):
        found[row.case_id][row.month] = row
    for case_id, by_month in found.items():
        yield case_id, [by_month[month] for month in sorted(by_month)]
