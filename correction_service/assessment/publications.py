"""公示 (IM 32): what of a closed month is made public, and that it was.

As little as can be: a name of which one character is left, and the month's total. Never a minor's
(LCC 54), nor a month on which an objection is still open, nor a total that a decision has changed
already: it waits for the edition that says the right one, which the next night makes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours
from correction_service.assessment import months
from correction_service.assessment.months import Span
from correction_service.scope import visible
from models.assessment import Objection, ObjectionState, PointsMonth, PointsPublication
from models.case import ENDED, Case
from models.errors import Forbidden, Refused
from models.points import PointsEntry
from models.sentence_correction import CorrectionState, SentenceCorrection
from models.user import Permission, User


@dataclass(frozen=True)
class Line:
    """One person as the public sees them."""

    case_id: int
    name: str
    total: int


@dataclass(frozen=True)
class Board:
    """What may be published, highest first, and how many wait for their total to be reckoned."""

    lines: Sequence[Line]
    waiting: int


def masked(name: str) -> str:
    """Leave the first character of a name."""
    return name[:1] + "*" * (len(name) - 1)


def board(session: Session, user: User, month: date, now: datetime) -> Board:
    """Return what may be published of a closed month in the user's offices."""
    span = Span(month, hours.day_end(hours.local_day(now)))
    latest = (
        select(func.max(PointsMonth.id))
        .where(PointsMonth.month == month)
        .group_by(PointsMonth.case_id)
    )
    query = (
        select(Case, PointsMonth, _decided_since(span).label("decided"))
        .join(PointsMonth, PointsMonth.case_id == Case.id)
        .where(
            PointsMonth.id.in_(latest),
            PointsMonth.held == 0,
            PointsMonth.base > 0,
            ~_objected(span),
            visible(user),
            ~Case.minor,
            Case.state.not_in(ENDED),
        )
        .options(joinedload(Case.person))
        .order_by(PointsMonth.total.desc(), Case.id)
    )
    rows = session.execute(query).all()
    stale = _changed(session, [edition for _, edition, decided in rows if decided], span)
    lines = [
        Line(case.id, masked(case.person.name), edition.total)
        for case, edition, _ in rows
        if case.id not in stale
    ]
    return Board(lines, len(stale))


def _decided_since(span: Span) -> ColumnElement[bool]:
    """Match editions older than an entry of the month, or than a correction of the sentence."""
    entered = exists().where(
        PointsEntry.case_id == Case.id,
        PointsEntry.happened_on.between(span.first, span.last),
        PointsEntry.made_at >= PointsMonth.as_of,
    )
    corrected = exists().where(
        SentenceCorrection.case_id == Case.id,
        SentenceCorrection.state == CorrectionState.AGREED,
        SentenceCorrection.decided_at >= PointsMonth.as_of,
    )
    return or_(entered, corrected)


def _changed(session: Session, editions: Sequence[PointsMonth], span: Span) -> Collection[int]:
    """The cases whose figures are others with all that was decided up to today."""
    figures = months.figures_of(session, span, [it.case_id for it in editions], [])
    return {it.case_id for it in editions if not it.says(figures.get(it.case_id, {}))}


def _objected(span: Span) -> ColumnElement[bool]:
    """Match cases with an open objection to an entry of the month, in time, late, or after close.

    A late one holds nothing back in the month's own figures, and one after close not yet.
    """
    return exists().where(
        Objection.case_id == Case.id,
        Objection.state == ObjectionState.OPEN,
        Objection.entry_id == PointsEntry.id,
        PointsEntry.happened_on.between(span.first, span.last),
    )


def publish(session: Session, user: User, month: date, now: datetime) -> PointsPublication:
    """Keep what is made public now; refused before the month is closed."""
    if not user.may(Permission.DECIDE):
        raise Forbidden("Your role does not include this.")
    shown = board(session, user, month, now).lines
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
