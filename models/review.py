"""复核: what officers find of check-ins, and the second pair of eyes that a no-match needs.

A finding that it was somebody else stands provisionally and costs nothing until a second person at
county level confirms it; no decision rests on one pair of eyes (our rule, after PIPL 24).
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    and_,
    exists,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.checkin import CheckIn, doubtful
from models.errors import Forbidden, Invalid, Refused
from models.user import Role, User


class ReviewDecision(StrEnum):
    """What an officer found when looking at a check-in."""

    MATCH = "match"
    NO_MATCH = "no_match"
    CONCERN = "concern"


class Standing(StrEnum):
    """How far a finding holds; only a confirmed no-match may ever be held against anyone."""

    FINAL = "final"
    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"


class CheckInReview(AppendOnly, Base):
    """An officer's finding; the latest by `id` stands, earlier ones stay to be seen."""

    __tablename__ = "checkin_review"
    __table_args__ = (Index("uq_checkin_review_id_by", "id", "by", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    checkin_id: Mapped[int] = mapped_column(ForeignKey("checkin.id"), index=True)
    decision: Mapped[ReviewDecision] = mapped_column(words(ReviewDecision))
    note: Mapped[str] = mapped_column(String(2000))
    by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]

    checkin: Mapped[CheckIn] = relationship()
    officer: Mapped[User] = relationship()
    confirmation: Mapped["ReviewConfirmation | None"] = relationship(back_populates="review")

    @property
    def standing(self) -> Standing:
        """How far it holds: a match and a concern stand by themselves, a no-match does not."""
        if self.decision is not ReviewDecision.NO_MATCH:
            return Standing.FINAL
        return Standing.CONFIRMED if self.confirmation else Standing.PROVISIONAL

    @property
    def provisional(self) -> bool:
        """Whether it still waits for a second person."""
        return self.standing is Standing.PROVISIONAL

    def confirm(self, by: User, now: datetime, note: str) -> "ReviewConfirmation":
        """Let a second person, at county level, agree that it was somebody else."""
        self._check_provisional()
        if by.id == self.by:
            raise Refused("A second person confirms what the first one found.", code="same_person")
        if not by.of_county:
            raise Forbidden("Somebody at county level confirms this finding.")
        return self._confirmed(by, now, note)

    def confirm_alone(
        self, by: User, now: datetime, note: str, *, because: str, others: int, wait: timedelta
    ) -> "ReviewConfirmation":
        """Let the head confirm an own finding where there is nobody else, and say why.

        `others` are the accounts at county level that could do it instead.
        """
        self._check_provisional()
        if by.role is not Role.COUNTY_HEAD:
            raise Forbidden("Only the head of the county agency may confirm alone.")
        if others:
            raise Refused("Another person at county level can confirm this.", code="others_can")
        if now < self.at + wait:
            raise Refused(
                "It may be confirmed alone after %(days)s days without a second person.",
                code="too_early",
                days=wait.days,
            )
        if not because.strip():
            raise Invalid("Say why nobody else could look at it.", field="alone_because")
        return self._confirmed(by, now, note, because.strip())

    def _check_provisional(self) -> None:
        if not self.provisional:
            raise Refused("Nothing is to be confirmed here.", code="not_provisional")

    def _confirmed(
        self, by: User, now: datetime, note: str, because: str | None = None
    ) -> "ReviewConfirmation":
        """Return the row; set as this one's relation it would count as a change of this one."""
        return ReviewConfirmation(
            review_id=self.id,
            found_by=self.by,
            by=by.id,
            at=now,
            note=note,
            alone_because=because,
        )


class ReviewConfirmation(AppendOnly, Base):
    """The second look at a no-match; one a finding, and never by its finder but for the reason."""

    __tablename__ = "review_confirmation"
    __table_args__ = (
        ForeignKeyConstraint(["review_id", "found_by"], ["checkin_review.id", "checkin_review.by"]),
        CheckConstraint("by <> found_by OR alone_because IS NOT NULL", name="second_person"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(unique=True)
    found_by: Mapped[int] = mapped_column(doc="who found it first, as the finding says")
    by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(2000))
    alone_because: Mapped[str | None] = mapped_column(
        String(2000), doc="why the head confirmed an own finding; empty where there were two"
    )

    review: Mapped[CheckInReview] = relationship(back_populates="confirmation")
    officer: Mapped[User] = relationship()


def awaiting_review() -> ColumnElement[bool]:
    """Match check-ins that an officer has yet to look at."""
    return and_(doubtful(), ~exists().where(CheckInReview.checkin_id == CheckIn.id))


def awaiting_second(but_by: int | None = None) -> ColumnElement[bool]:
    """Match check-ins whose no-match waits for a second person; `but_by`: other than this one."""
    mine = CheckInReview.by != but_by if but_by is not None else true()
    return _stands(CheckInReview.decision == ReviewDecision.NO_MATCH, ~_confirmed(), mine)


def undecided() -> ColumnElement[bool]:
    """Match check-ins that wait for a first or second look: their duties are not missed meanwhile.

    Their photos are kept.
    """
    return or_(awaiting_review(), awaiting_second())


def concerned() -> ColumnElement[bool]:
    """Match check-ins about which a concern stands: one pair of eyes, so no duty is missed by it.

    An officer's own seeing of the person lifts it, or another finding in its place.
    """
    return _stands(CheckInReview.decision == ReviewDecision.CONCERN)


def not_the_person() -> ColumnElement[bool]:
    """Match check-ins where the finding that it was somebody else stands and is confirmed."""
    return _stands(CheckInReview.decision == ReviewDecision.NO_MATCH, _confirmed())


def found_to_match() -> ColumnElement[bool]:
    """Match check-ins where the finding that it was the person stands."""
    return _stands(CheckInReview.decision == ReviewDecision.MATCH)


def _confirmed() -> ColumnElement[bool]:
    return exists().where(ReviewConfirmation.review_id == CheckInReview.id)


def _stands(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Match check-ins whose latest finding meets the conditions."""
    later = aliased(CheckInReview)
    overtaken = exists().where(
        later.checkin_id == CheckInReview.checkin_id, later.id > CheckInReview.id
    )
    of_this = CheckInReview.checkin_id == CheckIn.id
    return select(CheckInReview.id).where(of_this, *conditions, ~overtaken).exists()
