"""复核: what officers find when they look at a check-in that the machine left open."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, String, and_, exists
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.checkin import CheckIn, doubtful


class ReviewDecision(StrEnum):
    """What an officer found when looking at a check-in."""

    MATCH = "match"
    NO_MATCH = "no_match"
    CONCERN = "concern"


class CheckInReview(AppendOnly, Base):
    """An officer's finding; the latest by `id` stands, earlier ones stay to be seen."""

    __tablename__ = "checkin_review"

    id: Mapped[int] = mapped_column(primary_key=True)
    checkin_id: Mapped[int] = mapped_column(ForeignKey("checkin.id"), index=True)
    decision: Mapped[ReviewDecision] = mapped_column(words(ReviewDecision))
    note: Mapped[str] = mapped_column(String(2000))
    by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]

    checkin: Mapped[CheckIn] = relationship()


def awaiting_review() -> ColumnElement[bool]:
    """Match check-ins that an officer has yet to look at; their duties are not missed meanwhile."""
    reviewed = exists().where(CheckInReview.checkin_id == CheckIn.id)
    return and_(doubtful(), ~reviewed)
