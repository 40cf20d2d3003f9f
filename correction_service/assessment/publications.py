"""公示 (IM 32): what of a closed month is made public, and that it was.

As little as can be: a name of which one character is left, and the month's total. Never a minor's
(LCC 54), nor a month on which an objection is still open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from correction_service.scope import visible
from models.assessment import PointsMonth, PointsPublication
from models.case import ENDED, Case
from models.errors import Forbidden, Refused
from models.user import Permission, User


@dataclass(frozen=True)
class Line:
    """One person as the public sees them."""

    case_id: int
    name: str
    total: int


def masked(name: str) -> str:
    """Leave the first character of a name."""
    return name[:1] + "*" * (len(name) - 1)


def lines(session: Session, user: User, month: date) -> list[Line]:
    """Return what may be published of a closed month in the user's offices, highest first."""
    latest = (
        select(func.max(PointsMonth.id))
        .where(PointsMonth.month == month)
        .group_by(PointsMonth.case_id)
    )
    query = (
        select(Case, PointsMonth.total)
        .join(PointsMonth, PointsMonth.case_id == Case.id)
        .where(
            PointsMonth.id.in_(latest),
            PointsMonth.held == 0,
            PointsMonth.base > 0,
            visible(user),
            ~Case.minor,
            Case.state.not_in(ENDED),
        )
        .options(joinedload(Case.person))
        .order_by(PointsMonth.total.desc(), Case.id)
    )
    return [
        Line(case.id, masked(case.person.name), total) for case, total in session.execute(query)
    ]


def publish(session: Session, user: User, month: date, now: datetime) -> PointsPublication:
    """Keep what is made public now; refused before the month is closed."""
    if not user.may(Permission.DECIDE):
        raise Forbidden("Your role does not include this.")
    shown = lines(session, user, month)
    if not shown:
        raise Refused("No closed month of anybody is there to be published.", field="month")
    publication = PointsPublication(
        agency_id=user.agency_id,
        office_id=user.office_id,
        month=month,
        lines=[[line.case_id, line.total] for line in shown],
        made_by=user.id,
        made_at=now,
    )
    session.add(publication)
    session.flush()
    return publication


def of(session: Session, user: User) -> Sequence[PointsPublication]:
    """Return what the user's agency published, the latest first."""
    own = select(PointsPublication).where(PointsPublication.agency_id == user.agency_id)
    return session.scalars(own.order_by(PointsPublication.id.desc()).limit(24)).all()
