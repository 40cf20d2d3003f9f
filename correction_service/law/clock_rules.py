"""The law's table of clocks, and when one that began at a moment is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.law import tables
from correction_service.law.legal_days import Calendar, calendar_of
from correction_service.law.tables import Mark
from models.errors import Invalid

REPORT_IN = "report_in"
DAY = timedelta(days=1)


class Opens(StrEnum):
    """What opens a clock."""

    FACTS = "facts"
    OFFICER = "officer"
    LAW = "law"


class Due(NamedTuple):
    """The first moment that is too late, if there is one; whether the holidays were on file."""

    at: datetime | None
    exact: bool = True


@dataclass(frozen=True)
class Limit:
    """How long; one of these is set. An exact one is not lengthened by holidays (CPL 105, R)."""

    hours: int = 0
    days: int = 0
    months: int = 0
    working_days: int = 0
    ahead_days: int = 0
    at_once: bool = False
    exact: bool = False

    def due(self, began: datetime, calendar: Calendar) -> Due:
        """When a clock that began at a moment is over: with its last day, or to the hour."""
        if self.at_once:
            return Due(began)
        if self.hours:
            return Due(began + timedelta(hours=self.hours))
        end = calendar.deadline(
            hours.local_day(began),
            days=self.days,
            months=self.months,
            working_days=self.working_days,
            exact=self.exact,
        )
        return Due(hours.day_end(end.day), end.exact)


@dataclass(frozen=True)
class ClockRule:
    """One row of the table; `who`, `trigger` and `does` are sentences by language."""

    name: str
    opens: Opens
    basis: str
    mark: Mark
    who: Mapping[str, str]
    trigger: Mapping[str, str]
    does: Mapping[str, str]
    limit: Limit | None = None
    repeats: bool = False

    def due(self, began: datetime, calendar: Calendar) -> Due:
        """When it is over, having begun at a moment; without a limit never."""
        return self.limit.due(began, calendar) if self.limit else Due(None)


def rules_of(session: Session) -> Mapping[str, ClockRule]:
    """The clocks of the service that the session belongs to, by name."""
    return rules(tables.folder_of(session))


@lru_cache
def rules(folder: Path | None = None) -> Mapping[str, ClockRule]:
    """The shipped clocks, or those of a county's own folder."""
    return {name: _rule(name, said) for name, said in tables.read(tables.CLOCKS, folder).items()}


def _rule(name: str, said: dict[str, Any]) -> ClockRule:
    limit = Limit(**said["limit"]) if "limit" in said else None
    known = {**said, "opens": Opens(said["opens"]), "mark": Mark(said["mark"]), "limit": limit}
    return ClockRule(name=name, **known)


def started_by_hand(session: Session, name: str) -> ClockRule:
    """A clock that an officer may start, by its name."""
    rule = rules_of(session).get(name)
    if rule is None or rule.opens is not Opens.OFFICER:
        raise Invalid("Choose one of the list.", field="rule")
    return rule


def due_of(session: Session, rule: ClockRule, began: datetime) -> Due:
    """When a clock is over, by the session's calendar."""
    return rule.due(began, calendar_of(session))


def report_by(session: Session, effective_on: date) -> date | None:
    """The last day to report in (LCC 21); None where a county's own table names no limit.

    The register, the sweep and papers all say this one day: 漏管 is flagged from the next on.
    """
    due = due_of(session, rules_of(session)[REPORT_IN], hours.day_start(effective_on))
    return hours.local_day(due.at) - DAY if due.at else None


def too_late_from(session: Session, day: date) -> date:
    """The latest day of a judgment that took effect too long ago to be reported to on `day`.

    Whoever's judgment took effect then or earlier is late: ends come in the order of beginnings.
    """
    effective_on = day
    while (last := report_by(session, effective_on)) is not None and last >= day:
        effective_on -= DAY
    return effective_on if last else date.min
