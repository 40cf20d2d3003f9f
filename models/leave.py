"""请假: approved absence from the home area (LCC 27), until its end or until it is signed off."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, false, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case, CaseState
from models.errors import Invalid, Refused

MOST_NOTE = 400


class LeaveReason(StrEnum):
    """Good reasons: with one of them leave must be approved (LCC 27, IM 26)."""

    MEDICAL = "medical"
    STUDY = "study"
    LITIGATION = "litigation"
    FAMILY = "family"
    WORK = "work"


class LeaveState(StrEnum):
    """How far a leave is; whether it runs or is overdue is a matter of the clock."""

    APPROVED = "approved"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class Leave(Base):
    """A leave of one case: where to, from when, and back by when."""

    __tablename__ = "leave"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="runs_forward"),
        Index("ix_leave_case_id_starts_at", "case_id", "starts_at"),
        Index("ix_leave_state_ends_at", "state", "ends_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    reason: Mapped[LeaveReason] = mapped_column(words(LeaveReason))
    divisions: Mapped[list[Any]] = mapped_column(doc="GB/T 2260 codes that it leads to")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(doc="back by then (IM 28)")
    note: Mapped[str] = mapped_column(String(MOST_NOTE), doc="the papers that it rests on")
    state: Mapped[LeaveState] = mapped_column(words(LeaveState), default=LeaveState.APPROVED)
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    approved_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None] = mapped_column(doc="signed off; mostly back before that")
    returned_by: Mapped[int | None] = mapped_column(
        ForeignKey("user_account.id"), doc="who signed it off"
    )
    regular: Mapped[bool] = mapped_column(
        default=False, server_default=false(), doc="regular cross-county work (IM 29)"
    )
    return_said_at: Mapped[datetime | None] = mapped_column(
        doc="the person said on the phone page that they are back; an officer confirms it"
    )
    back_at: Mapped[datetime | None] = mapped_column(doc="back since then, as an officer found")

    case: Mapped[Case] = relationship()

    def running(self, at: datetime) -> bool:
        """Whether the person may be away at a moment."""
        return self.state is LeaveState.APPROVED and self.starts_at <= at < self.ends_at

    def overdue(self, at: datetime) -> bool:
        """Whether it is over and nobody has signed it off."""
        return self.state is LeaveState.APPROVED and self.ends_at <= at and not self.regular

    def depart(self, now: datetime) -> None:
        """The case is on leave once this runs, unless somebody has said otherwise since.

        Regular work elsewhere comes and goes: it moves no case.
        """
        if self.regular:
            return
        case, known = self.case, max(self.starts_at, self.approved_at or now)
        here = case.state is CaseState.UNDER_CORRECTION and case.state_since <= known
        if here and self.running(now):
            case.move(CaseState.ON_LEAVE, now, self.note)

    @property
    def over_at(self) -> datetime:
        """When the absence was over: with the return, where that was before its end."""
        back_at = self.back_at or self.return_said_at or self.returned_at
        back = self.state is LeaveState.RETURNED and back_at
        return min(back, self.ends_at) if back else self.ends_at

    def sign_off(self, by: int, now: datetime, back_at: datetime | None = None) -> None:
        """The person is back (销假), since `back_at` where an officer knows it."""
        self._refuse_over()
        if now < self.starts_at:
            raise Refused("This leave has not begun. Cancel it instead.")
        if back_at is not None and not self.starts_at <= back_at <= now:
            raise Invalid("The return lies after the beginning, and not ahead.", field="back_at")
        self.state, self.returned_at, self.returned_by = LeaveState.RETURNED, now, by
        self.back_at = back_at

    def say_back(self, now: datetime) -> None:
        """The person says that they are back; the zones ask again once an officer confirms it."""
        self._refuse_over()
        if now < self.starts_at:
            raise Refused("This leave has not begun.")
        self.return_said_at = self.return_said_at or now

    def lapse(self) -> None:
        """Regular work elsewhere is over with its permit: nobody comes back from it."""
        self.state, self.returned_at = LeaveState.RETURNED, self.ends_at

    def cancel(self, now: datetime) -> None:
        """It is not taken; one that has begun is signed off instead."""
        self._refuse_over()
        if now >= self.starts_at:
            raise Refused("This leave has begun. Sign it off instead.")
        self.state = LeaveState.CANCELLED

    def extend(self, ends_at: datetime, paper: str, now: datetime) -> None:
        """Back later than was approved first, by another paper."""
        self._refuse_over()
        self.return_said_at = None
        if ends_at <= max(self.ends_at, now):
            raise Invalid(
                "An extension ends later than the leave, and later than now.", field="ends_at"
            )
        if not paper.strip():
            raise Invalid("Say on which paper it was approved.", field="note")
        note = f"{self.note}；{paper.strip()}"
        if len(note) > MOST_NOTE:
            raise Invalid("At most 400 characters fit here.", field="note")
        self.ends_at, self.note = ends_at, note

    def _refuse_over(self) -> None:
        if self.state is not LeaveState.APPROVED:
            raise Refused("This leave is signed off or cancelled already.")


def returned() -> ColumnElement[datetime | None]:
    """When the person came back: as an officer found, as they said, else when it was signed off.

    An office that signs off on Monday makes nobody late who was back on Friday.
    """
    return func.coalesce(Leave.back_at, Leave.return_said_at, Leave.returned_at)


def late() -> ColumnElement[bool]:
    """Match leaves from which the person came back after the end."""
    return returned() > Leave.ends_at
