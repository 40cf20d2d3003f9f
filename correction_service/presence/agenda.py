"""When a person checks in next, in the words of their duties and plan."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.presence import duties
from models.case import Case
from models.checkin import CheckInDuty, CheckInPlan, DutyState

WEEK = 8  # days to look ahead: the same weekday again


@dataclass(frozen=True)
class Window:
    """The next time to check in; `duty_id` is set when it is open or already made."""

    opens_at: datetime
    closes_at: datetime
    duty_id: int | None = None

    def open(self, now: datetime) -> bool:
        """Whether checking in now answers it; after closing, late."""
        return self.opens_at <= now

    def late(self, now: datetime) -> bool:
        """Whether it has closed, and a check-in still turns missed into late."""
        return now > self.closes_at


def upcoming(session: Session, case: Case, now: datetime) -> Window | None:
    """Return the open duty, else the next one made, else the next window of the plan."""
    if not case.supervised_at(now):
        return None
    duty = duties.due(session, case.id, now) or _made(session, case, now)
    if duty is not None and duty.opens_at is not None and duty.closes_at is not None:
        return Window(duty.opens_at, duty.closes_at, duty.id)
    plan = session.get(CheckInPlan, case.id)
    return _planned(plan, now) if plan else None


def _made(session: Session, case: Case, now: datetime) -> CheckInDuty | None:
    to_come = select(CheckInDuty).where(
        CheckInDuty.case_id == case.id,
        CheckInDuty.state == DutyState.DUE,
        CheckInDuty.opens_at > now,
    )
    return session.scalars(to_come.order_by(CheckInDuty.opens_at)).first()


def _planned(plan: CheckInPlan, now: datetime) -> Window | None:
    today = hours.local_day(now)
    for day in (today + timedelta(days=ahead) for ahead in range(WEEK)):
        opens = hours.at(day, plan.opens)
        if str(day.isoweekday()) in plan.weekdays and opens > now:
            return Window(opens, hours.at(day, plan.closes))
    return None
