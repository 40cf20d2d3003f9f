"""Check-ins that were begun and never finished: shown to an officer, and never counted.

A lost network looks like a change of mind. Whether somebody avoids being verified only an officer
can find, from how often it happens and from asking.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, or_, select
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
from correction_service.presence.duties import ATTEMPTED
from models.case import LEGAL_ZONE, Case, supervised_on
from models.checkin import Challenge, CheckInDuty, DutyState
from models.risk import FlagKind, FlagState, RiskFlag

PATTERN = timedelta(days=30)


def _rows(scope: Scope) -> Rows:
    flagged = exists().where(
        RiskFlag.case_id == CheckInDuty.case_id,
        RiskFlag.kind == FlagKind.CHECKIN_UNFINISHED,
        RiskFlag.state == FlagState.OPEN,
        RiskFlag.key == DUTY_KEY,
    )
    recent = CheckInDuty.missed_after >= scope.since
    began = select(func.max(Challenge.issued_at)).where(
        Challenge.case_id == CheckInDuty.case_id,
        Challenge.issued_at.between(CheckInDuty.opens_at, CheckInDuty.missed_after),
        Challenge.used_at.is_(None),
    )
    return (
        select(
            CheckInDuty.id,
            CheckInDuty.case_id,
            CheckInDuty.missed_after,
            began.scalar_subquery().label("began_at"),
            _times(scope).label("times"),
        )
        .join(Case, Case.id == CheckInDuty.case_id)
        .where(_unfinished(CheckInDuty), CheckInDuty.missed_after <= scope.at)
        .where(or_(recent, flagged), supervised_on(scope.day))
    )


def _unfinished(duty: type[CheckInDuty]) -> ColumnElement[bool]:
    return and_(duty.state == DutyState.VOID, duty.void_reason == ATTEMPTED)


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
    began = f"{row.began_at.astimezone(LEGAL_ZONE):%Y-%m-%d %H:%M}"
    reasons = [reason("checkin_unfinished", row.began_at, "service_clock", *innocent, began=began)]
    if row.times > 1:
        often = {"times": row.times, "days": PATTERN.days}
        reasons.append(reason("unfinished_often", None, "service_clock", *innocent, **often))
    return Finding(row.case_id, f"duty:{row.id}", row.missed_after, reasons)


UNFINISHED = Look(FlagKind.CHECKIN_UNFINISHED, "LCC 26", selected(_rows), _finding)
