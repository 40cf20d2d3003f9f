"""试算: what other numbers would have made of a closed month, in counts only, before they count."""

import calendar
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from statistics import fmean

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.assessment.rulebooks import Rulebooks, changed, may_edit
from correction_service.scope import agencies_below
from models.assessment import PointsMonth
from models.case import Case
from models.errors import Forbidden
from models.points import PointsEntry, Rulebook
from models.user import User

Units = Mapping[int, Mapping[str, Fraction]]


@dataclass(frozen=True)
class Side:
    """One reckoning: the mean for every hundred of the base, how many lie below and above.

    `marks` are the means of strict and of lenient that it goes by.
    """

    mean: float | None
    below: int
    above: int
    marks: tuple[int, int]


@dataclass(frozen=True)
class Trial:
    """A closed month under the numbers in force and under proposed ones; people, not names."""

    month: date
    cases: int
    more: int
    fewer: int
    present: Side
    proposed: Side


def attempt(session: Session, user: User, values: Mapping[str, int], month: date) -> Trial:
    """Reckon a closed month of the agency's cases both ways; nothing is kept.

    An entry counts as often as it did: twice two hours of volunteering stay two.
    """
    if not may_edit(user):
        raise Forbidden("Rules of points are set by the head of the agency.")
    present = Rulebooks(session).on(month, user.agency_id)
    proposed = Rulebook(rules=changed(present, values))
    days, units = _days(session, user, month), _units(session, user, month)
    before, after = (_shares(book, month, days, units) for book in (present, proposed))
    return Trial(
        month=month,
        cases=len(days),
        more=sum(after[case] > share for case, share in before.items()),
        fewer=sum(after[case] < share for case, share in before.items()),
        present=_side(list(before.values()), present),
        proposed=_side(list(after.values()), proposed),
    )


def _days(session: Session, user: User, month: date) -> dict[int, int]:
    """Days under correction of each case whose month is closed."""
    query = (
        select(PointsMonth.case_id, func.max(PointsMonth.days))
        .join(Case, Case.id == PointsMonth.case_id)
        .where(PointsMonth.month == month, PointsMonth.base > 0, agencies_below(user.agency_id))
        .group_by(PointsMonth.case_id)
    )
    return dict(session.execute(query).all())


def _units(session: Session, user: User, month: date) -> Units:
    """How often each item counts for each case: points over the price of their own version."""
    books = {book.id: book for book in session.scalars(select(Rulebook))}
    keys = (PointsEntry.case_id, PointsEntry.rulebook_id, PointsEntry.item)
    query = (
        select(*keys, func.sum(PointsEntry.points))
        .join(Case, Case.id == PointsEntry.case_id)
        .where(PointsEntry.happened_on.between(month, _last(month)))
        .where(agencies_below(user.agency_id))
        .group_by(*keys)
    )
    found: dict[int, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for case_id, book_id, item, points in session.execute(query):
        price = books[book_id].points_for(item)
        if price:
            found[case_id][item] += Fraction(points, price)
    return found


def _last(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def _shares(book: Rulebook, month: date, days: Mapping[int, int], units: Units) -> dict[int, float]:
    shares = {}
    for case_id, count in days.items():
        base = book.month_base(count, _last(month).day)
        sums = {
            item: round(times * book.points_for(item))
            for item, times in units.get(case_id, {}).items()
            if book.prices(item)
        }
        shares[case_id] = 100 * book.month_total(base, sums) / base if base else 0.0
    return shares


def _side(shares: Sequence[float], book: Rulebook) -> Side:
    levels = book.rules["suggestions"]
    low, high = levels["strict"]["mean_below"], levels["lenient"]["mean_at_least"]
    return Side(
        mean=fmean(shares) if shares else None,
        below=sum(share < low for share in shares),
        above=sum(share >= high for share in shares),
        marks=(low, high),
    )
