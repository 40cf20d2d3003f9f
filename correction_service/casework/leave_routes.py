"""Who decides a leave: by its days, and by the days of leave within the last months (IM 27)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.law import articles
from correction_service.law.limits import bounds_of
from models.case import Case
from models.errors import Forbidden, Refused
from models.leave import Leave, LeaveState
from models.leave_request import LeaveLevel, reaches
from models.order import months_later
from models.user import Role, User

DAY = timedelta(days=1)


class Route(NamedTuple):
    """Who decides, the days of this leave, and those within the window with it."""

    level: LeaveLevel
    days: int
    days_in_window: int

    @property
    def informs(self) -> bool:
        """Whether the procuratorate is informed: of what goes one level up."""
        return self.level is LeaveLevel.UPPER


def days_of(starts_at: datetime, ends_at: datetime) -> int:
    """Legal days of a leave, the first not counted; one within a day is of one."""
    return len(_days(starts_at, ends_at))


def _days(starts_at: datetime, ends_at: datetime) -> list[date]:
    first, last = hours.local_day(starts_at), hours.local_day(ends_at)
    return [first + n * DAY for n in range(1, (last - first).days + 1)] or [first]


def route(
    session: Session,
    case: Case,
    starts_at: datetime,
    ends_at: datetime,
    *,
    regular: bool = False,
    extends: Leave | None = None,
) -> Route:
    """Who decides a leave of a case from its beginning to its end; one that it `extends` is in it.

    Regular cross-county work is the county's, however long its permit (IM 29).
    """
    bounds = bounds_of(session)
    asked, months = _days(starts_at, ends_at), bounds["leave_window"].value
    others = _others(session, case, months_later(asked[0], -months), extends)
    taken = [day for it in others for day in _days(it.starts_at, it.over_at)]
    days, in_window = len(asked), _most(asked, taken, months)
    if regular:
        return Route(LeaveLevel.COUNTY, days, in_window)
    county, together = bounds["leave_county"], bounds["leave_cumulative"]
    if not (county.holds(days) and together.holds(in_window)):
        return Route(LeaveLevel.UPPER, days, in_window)
    delegated = bool(bounds["leave_office_delegated"].value)
    at_office = delegated and bounds["leave_office"].holds(days)
    return Route(LeaveLevel.OFFICE if at_office else LeaveLevel.COUNTY, days, in_window)


def _others(session: Session, case: Case, since: date, but: Leave | None) -> Sequence[Leave]:
    taken = (Leave.state != LeaveState.CANCELLED, ~Leave.regular, Leave.case_id == case.id)
    found = select(Leave).where(*taken, Leave.ends_at > hours.day_start(since))
    return session.scalars(found.where(Leave.id != but.id) if but else found).all()


def _most(asked: Sequence[date], taken: Sequence[date], months: int) -> int:
    """The most days of leave within any window of so many months that days asked for are in."""
    every = [*asked, *taken]
    windows = {(months_later(end, -months), end) for end in every if end >= asked[0]}
    met = [(before, end) for before, end in windows if before < asked[-1]]
    return max(sum(before < day <= end for day in every) for before, end in met)


LEVEL_OF = {
    Role.OFFICE_HEAD: LeaveLevel.OFFICE,
    Role.COUNTY_HEAD: LeaveLevel.COUNTY,
    Role.UPPER_AGENCY: LeaveLevel.UPPER,
}


def level_of(user: User) -> LeaveLevel | None:
    """Up to which level a user decides, if at all."""
    return LEVEL_OF.get(user.role)


def check_level(
    session: Session, needed: LeaveLevel, own: LeaveLevel | None, *, regular: bool = False
) -> None:
    """Refuse a decision by somebody of too low a level."""
    if not reaches(own, needed):
        raise _too_low(session, needed, regular=regular)


def check_paper(
    session: Session, needed: LeaveLevel, on_it: LeaveLevel | None, *, regular: bool = False
) -> None:
    """Refuse a paper by too low a level: whoever records it finds the paper that suffices."""
    if not reaches(on_it, needed):
        refusal = _too_low(session, needed, regular=regular)
        raise Refused(refusal.message, field="level", mark=refusal.facts["mark"])


def _too_low(session: Session, needed: LeaveLevel, *, regular: bool) -> Forbidden:
    """Which level it needs, and by which article."""
    if regular:
        return Forbidden(
            "Regular work elsewhere is decided at a higher level: by the county agency "
            "(IM 29, %(mark)s).",
            mark=articles.mark_in(session, "IM 29"),
        )
    mark = articles.mark_in(session, "IM 27")
    if needed is LeaveLevel.UPPER:
        return Forbidden(
            "A leave of this length, alone or with others, is decided at a higher level: by the "
            "agency above the county (IM 27, %(mark)s).",
            mark=mark,
        )
    return Forbidden(
        "A leave of this length is decided at a higher level: by the county agency "
        "(IM 27, %(mark)s).",
        mark=mark,
    )
