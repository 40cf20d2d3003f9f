"""Legal days: when a period that the law sets in days, months or working days ends.

Days are those of Asia/Shanghai, months calendar months. The first day is not counted; a period that
ends on a holiday runs to the next working day (after CPL 105; that it applies here is recalled, R).
以内 and 以上 include their number, so the last day itself is still in time.

Which Saturdays are worked and which Mondays are off is decided from year to year (调休). Of a year
whose notice is not on file nothing is guessed: what was reckoned without it says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import count
from pathlib import Path

from sqlalchemy.orm import Session

from correction_service.law import tables
from correction_service.law.tables import Mark
from models.order import months_later

WEEKDAYS = 5
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Year:
    """A year's notice: days off beside weekends, and weekend days that are worked."""

    number: int
    off: frozenset[date]
    worked: frozenset[date]
    source: str
    mark: Mark


@dataclass(frozen=True)
class Deadline:
    """The last day that is in time, and the years whose notice was missing to reckon it."""

    day: date
    unknown: tuple[int, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the holidays that bear on it are on file."""
        return not self.unknown

    def over(self, today: date) -> bool:
        """Whether it is past: the last day itself is in time."""
        return today > self.day


@dataclass(frozen=True)
class Calendar:
    """The years on file."""

    years: Mapping[int, Year]

    def knows(self, day: date) -> bool:
        """Whether the notice of the day's year is on file."""
        return day.year in self.years

    def works(self, day: date) -> bool:
        """Whether a day is worked; in a year that is not on file every Monday to Friday is."""
        year = self.years.get(day.year)
        if year is not None and (day in year.off or day in year.worked):
            return day in year.worked
        return day.isoweekday() <= WEEKDAYS

    def deadline(
        self,
        start: date,
        *,
        days: int = 0,
        months: int = 0,
        working_days: int = 0,
        exact: bool = False,
    ) -> Deadline:
        """The end of a period that something on `start` began; one of the three is given.

        An exact one ends on its day, worked or not: nobody is held longer for a holiday (CPL 105).

        `ValueError` for none or several of them. Working days of a year that is not on file are
        counted by the week alone; an end there stands as it falls, and both are said.
        """
        if sum(map(bool, (days, months, working_days))) != 1:
            msg = "a period is of days, of months or of working days"
            raise ValueError(msg)
        if working_days:
            return self._after_working_days(start, working_days)
        end = months_later(start, months) if months else start + timedelta(days=days)
        if exact:
            return Deadline(end)
        while self.knows(end) and not self.works(end):
            end += DAY
        return Deadline(end, () if self.knows(end) else (end.year,))

    def _after_working_days(self, start: date, working_days: int) -> Deadline:
        worked = (day for day in _days_after(start) if self.works(day))
        end = next(day for number, day in enumerate(worked, 1) if number == working_days)
        touched = range((start + DAY).year, end.year + 1)
        return Deadline(end, tuple(year for year in touched if year not in self.years))


def _days_after(start: date) -> Iterator[date]:
    return (start + timedelta(days=number) for number in count(1))


def calendar_of(session: Session) -> Calendar:
    """The calendar of the service that the session belongs to."""
    return calendar(tables.folder_of(session))


@lru_cache
def calendar(folder: Path | None = None) -> Calendar:
    """The shipped calendar, or that of a county's own folder."""
    read = tables.read(tables.HOLIDAYS, folder).items()
    return Calendar({int(name): _year(int(name), **said) for name, said in read})


def _year(
    number: int, *, off: list[tuple[date, date]], worked: list[date], source: str, mark: str
) -> Year:
    spans = ((first, (last - first).days + 1) for first, last in off)
    free = {first + timedelta(days=step) for first, days in spans for step in range(days)}
    wrong = [day for day in (*free, *worked) if day.year != number]
    if wrong:
        msg = f"{tables.HOLIDAYS}: {wrong[0]} stands under {number}"
        raise ValueError(msg)
    return Year(number, frozenset(free), frozenset(worked), source, Mark(mark))
