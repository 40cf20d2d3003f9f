"""Periods of statistics: a month, a quarter, half a year or a year, by their usual names."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from models.case import LEGAL_ZONE
from models.errors import Invalid

MONTHS = {"m": 1, "q": 3, "h": 6, "y": 12}
_NAME = re.compile(r"(\d{4})(?:-(\d{2})|-([qh])(\d))?")
DECEMBER = 12


@dataclass(frozen=True)
class Period:
    """Legal days from `first` to `last`, both within (IM 58)."""

    name: str
    first: date
    last: date

    @property
    def since(self) -> datetime:
        """The moment at which it begins."""
        return datetime.combine(self.first, time(), LEGAL_ZONE)

    @property
    def until(self) -> datetime:
        """The moment at which it is over."""
        return datetime.combine(self.last + timedelta(days=1), time(), LEGAL_ZONE)


def read(name: str) -> Period:
    """Read 2026-11, 2026-q4, 2026-h2 or 2026; `Invalid` says how a period is written."""
    found = _NAME.fullmatch(name.strip().lower())
    if found is None:
        raise _unreadable()
    year, month, kind, number = found.groups()
    months = MONTHS["m" if month else kind or "y"]
    begins = int(month or 1) if not kind else (int(number) - 1) * months + 1
    if not 1 <= begins <= DECEMBER + 1 - months or not 1 <= int(year) < date.max.year:
        raise _unreadable()
    first = date(int(year), begins, 1)
    return Period(found[0], first, _months_on(first, months) - timedelta(days=1))


def recent(today: date) -> list[Period]:
    """What is offered first: this month, the month before, this quarter and year, the last year."""
    before = today.replace(day=1) - timedelta(days=1)
    quarter = (today.month - 1) // MONTHS["q"] + 1
    names = (
        f"{today:%Y-%m}",
        f"{before:%Y-%m}",
        f"{today.year}-q{quarter}",
        f"{today.year}",
        f"{today.year - 1}",
    )
    return [read(name) for name in names]


def _months_on(first: date, months: int) -> date:
    year, month = divmod(first.month - 1 + months, 12)
    return date(first.year + year, month + 1, 1)


def _unreadable() -> Invalid:
    return Invalid(
        "Write a period as 2026-11, 2026-q4, 2026-h2 or 2026.", field="period", code="period"
    )
