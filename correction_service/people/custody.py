"""Custody: it begins on the day of a paper, and nothing that was asked in it counts (LCC 32).

The custodian's notice comes days late. What fell into those days is void with it, also what is
missed by the register already: drafts that rest on it lose their fact by themselves.
"""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours, outbox
from models.case import Case, CaseState
from models.checkin import CheckInDuty, DutyState
from models.errors import Invalid

NOT_MET = (DutyState.AWAITING_DELIVERY, DutyState.DUE, DutyState.MISSED, DutyState.LATE)


def begin(session: Session, case: Case, since: date | None, note: str, now: datetime) -> None:
    """Take a case into custody since a day, by the custodian's paper; `Invalid` names the field."""
    if since is None:
        raise Invalid("Say since when the person is in custody.", field="since")
    if since > hours.local_day(now):
        raise Invalid("This day is still to come.", field="since")
    if since < case.effective_on:
        raise Invalid("This day is before the judgment took effect.", field="since")
    case.move(CaseState.DETAINED, now, note)
    case.detained_since = hours.day_start(since)
    void(session, case, case.detained_since, now)


def void(session: Session, case: Case, since: datetime, now: datetime) -> None:
    """Void what was to be met here since a moment, and was not or only late.

    In custody, and at a new place that somebody had reported in at before its receipt came.
    """
    asked = (CheckInDuty.case_id == case.id, CheckInDuty.closes_at >= since)
    duties = select(CheckInDuty).where(*asked, CheckInDuty.state.in_(NOT_MET)).with_for_update()
    for duty in session.scalars(duties):
        duty.state, duty.void_reason = DutyState.VOID, case.state.value
        outbox.live(session, case, "duty", duty.id, now)
