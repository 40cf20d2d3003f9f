"""Who decides a leave: by its days, and by the days of leave within the last months (IM 27)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.law.limits import bounds_of
from models.case import Case
from models.leave import Leave, LeaveState
from models.leave_request import LeaveLevel
from models.order import months_later
from models.user import Role, User


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
    return max((hours.local_day(ends_at) - hours.local_day(starts_at)).days, 1)


def route(
    session: Session, case: Case, starts_at: datetime, ends_at: datetime, *, regular: bool = False
) -> Route:
    """Who decides a leave of a case from its beginning to its end.

    Regular cross-county work is the county's, however long its permit (IM 29).
    """
    bounds = bounds_of(session)
    days = days_of(starts_at, ends_at)
    since = months_later(hours.local_day(ends_at), -bounds["leave_window"].value)
    in_window = days + _taken(_others(session, case, since), since, hours.local_day(starts_at))
    if regular:
        return Route(LeaveLevel.COUNTY, days, in_window)
    county, together = bounds["leave_county"], bounds["leave_cumulative"]
    if not (county.holds(days) and together.holds(in_window)):
        return Route(LeaveLevel.UPPER, days, in_window)
    delegated = bool(bounds["leave_office_delegated"].value)
    at_office = delegated and bounds["leave_office"].holds(days)
    return Route(LeaveLevel.OFFICE if at_office else LeaveLevel.COUNTY, days, in_window)


def _others(session: Session, case: Case, since: date) -> Iterable[Leave]:
    taken = (Leave.state != LeaveState.CANCELLED, ~Leave.regular, Leave.case_id == case.id)
    return session.scalars(select(Leave).where(*taken, Leave.ends_at > hours.day_start(since)))


def _taken(leaves: Iterable[Leave], since: date, until: date) -> int:
    """Days of earlier leaves between two days; one that ended early counts to its return."""
    days = 0
    for leave in leaves:
        end = min(leave.returned_at or leave.ends_at, leave.ends_at)
        first = max(hours.local_day(leave.starts_at), since)
        days += max((min(hours.local_day(end), until) - first).days, 0)
    return days


LEVEL_OF = {
    Role.OFFICE_HEAD: LeaveLevel.OFFICE,
    Role.COUNTY_HEAD: LeaveLevel.COUNTY,
    Role.UPPER_AGENCY: LeaveLevel.UPPER,
}


def level_of(user: User) -> LeaveLevel | None:
    """Up to which level a user decides, if at all."""
    return LEVEL_OF.get(user.role)
