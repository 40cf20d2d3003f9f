"""The day in figures: how many checked in, how many bracelets are heard."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.scope import visible
from correction_service.settings import Settings
from correction_service.tracking import outages
from models.case import ENDED, SUSPENDING, Case
from models.checkin import CheckInDuty, DutyState
from models.device import Binding, DeviceState
from models.user import User

ANSWERED = (DutyState.DONE, DutyState.LATE)
ASKED = (*ANSWERED, DutyState.DUE, DutyState.MISSED)


@dataclass(frozen=True)
class Today:
    """Counts of the user's offices; `asked` and `answered` are of today's check-in duties."""

    cases: int
    supervised: int
    asked: int
    answered: int
    bracelets: int
    silent: int
    ending: int


def today(session: Session, user: User, now: datetime, settings: Settings) -> Today:
    """Count what stands today, in the user's offices."""
    mine, day = visible(user), hours.local_day(now)
    asked, answered = _duties(session, user, now)
    silent_since = outages.silent_since(session, now, settings)
    unheard = or_(DeviceState.heard_at.is_(None), DeviceState.heard_at < silent_since)
    worn = (
        select(func.count(), func.count().filter(unheard))
        .select_from(Binding)
        .join(Binding.case)
        .outerjoin(DeviceState, DeviceState.device_id == Binding.device_id)
        .where(mine, Binding.unbound_at.is_(None))
    )
    bracelets, silent = session.execute(worn).one()
    cases = (
        select(
            func.count(),
            func.count().filter(Case.state.not_in(SUSPENDING)),
            func.count().filter(Case.term_end <= day + timedelta(days=7)),
        )
        .select_from(Case)
        .where(mine, Case.state.not_in(ENDED))
    )
    total, supervised, ending = session.execute(cases).one()
    return Today(total, supervised, asked, answered, bracelets, silent, ending)


def _duties(session: Session, user: User, now: datetime) -> tuple[int, int]:
    """Return how many check-ins today asks for, and how many came."""
    day = hours.local_day(now)
    begins, ends = hours.day_start(day), hours.day_end(day)
    query = (
        select(func.count(), func.count().filter(CheckInDuty.state.in_(ANSWERED)))
        .select_from(CheckInDuty)
        .join(CheckInDuty.case)
        .where(
            visible(user),
            CheckInDuty.state.in_(ASKED),
            CheckInDuty.opens_at >= begins,
            CheckInDuty.opens_at < ends,
        )
    )
    asked, answered = session.execute(query).one()
    return asked, answered
