"""Check-ins that were tried, or asked for in another way, and did not come off: never counted.

A lost network or bad light looks like a change of mind. Whether somebody avoids being verified only
an officer can find, from how often it happens and from asking.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from correction_service.casework.findings import (
    DUTY_KEY,
    Finding,
    Look,
    Rows,
    Scope,
    reason,
    selected,
)
from correction_service.presence import duties, help_requests
from correction_service.presence.duties import ASKED, ATTEMPTED, UNCLEAR
from models.case import LEGAL_ZONE, Case, supervised_on
from models.checkin import UNUSABLE, Challenge, CheckIn, CheckInDuty, DutyState
from models.risk import FlagKind, FlagState, RiskFlag

PATTERN = timedelta(days=30)
# What a flag says, by why the duty is void.
FACTS = {
    ATTEMPTED: "checkin_unfinished",
    UNCLEAR: "checkin_unclear",
    ASKED: "other_way_asked",
}


def _rows(scope: Scope) -> Rows:
    flagged = exists().where(
        RiskFlag.case_id == CheckInDuty.case_id,
        RiskFlag.kind == FlagKind.CHECKIN_UNFINISHED,
        RiskFlag.state == FlagState.OPEN,
        RiskFlag.key == DUTY_KEY,
    )
    recent = CheckInDuty.missed_after >= scope.since
    return (
        select(
            CheckInDuty.id,
            CheckInDuty.case_id,
            CheckInDuty.missed_after,
            CheckInDuty.void_reason,
            _tried_at().label("tried_at"),
            _times(scope).label("times"),
        )
        .join(Case, Case.id == CheckInDuty.case_id)
        .where(_unfinished(CheckInDuty), CheckInDuty.missed_after <= scope.at)
        .where(or_(recent, flagged), supervised_on(scope.day))
    )


def _tried_at() -> ColumnElement[datetime]:
    """When the latest of what kept the duty from being missed was done."""
    began = select(func.max(Challenge.issued_at)).where(duties.fruitless())
    seen = select(func.max(CheckIn.at)).where(duties.in_its_time(), CheckIn.outcome.in_(UNUSABLE))
    instead = help_requests.instead_of(CheckInDuty, CheckInDuty.missed_after)
    asked = select(func.max(help_requests.asked_at(CheckInDuty))).where(instead)
    when = {ATTEMPTED: began, UNCLEAR: seen, ASKED: asked}
    moments = {why: moment.scalar_subquery() for why, moment in when.items()}
    return case(moments, value=CheckInDuty.void_reason)


def _unfinished(duty: type[CheckInDuty]) -> ColumnElement[bool]:
    return and_(duty.state == DutyState.VOID, duty.void_reason.in_(FACTS))


def _times(scope: Scope) -> ScalarSelect[int]:
    """How often in the last thirty days."""
    other = aliased(CheckInDuty)
    return (
        select(func.count())
        .where(
            other.case_id == CheckInDuty.case_id,
            _unfinished(other),
            other.missed_after.between(scope.at - PATTERN, scope.at),
        )
        .correlate(CheckInDuty)
        .scalar_subquery()
    )


def _finding(row: Any, _scope: Scope) -> Finding:  # noqa: ANN401 - a row of the query above
    innocent = ("phone_trouble", "bad_light_or_camera", "service_fault")
    at = f"{row.tried_at.astimezone(LEGAL_ZONE):%Y-%m-%d %H:%M}"
    fact = FACTS[row.void_reason]
    reasons = [reason(fact, row.tried_at, "service_clock", *innocent, began=at)]
    if row.times > 1:
        often = {"times": row.times, "days": PATTERN.days}
        reasons.append(reason("unfinished_often", None, "service_clock", *innocent, **often))
    return Finding(row.case_id, f"duty:{row.id}", row.missed_after, reasons)


UNFINISHED = Look(FlagKind.CHECKIN_UNFINISHED, "LCC 26", selected(_rows), _finding)
