"""外出申请: asked on the phone with proof, decided by a person of the right level (LCC 27, IM 27).

Nothing refuses a request but a person with a reason: one that nobody has decided stays open.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import Case
from models.errors import Forbidden, Invalid, Refused
from models.leave import LeaveReason


class LeaveLevel(StrEnum):
    """Who decides: the judicial office when delegated, the county, or one level up."""

    OFFICE = "office"
    COUNTY = "county"
    UPPER = "upper"


class RequestState(StrEnum):
    """How far a request is."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class LeaveRequest(Base):
    """What a person asks for; once approved it names the leave."""

    __tablename__ = "leave_request"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="runs_forward"),
        Index("ix_leave_request_case_id_state", "case_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    reason: Mapped[LeaveReason] = mapped_column(words(LeaveReason))
    regular: Mapped[bool] = mapped_column(doc="regular cross-county work (IM 29)")
    divisions: Mapped[list[Any]] = mapped_column(doc="GB/T 2260 codes that it leads to")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    why: Mapped[str] = mapped_column(String(400), doc="in the person's words")
    level: Mapped[LeaveLevel] = mapped_column(words(LeaveLevel), doc="who decides, as asked")
    days: Mapped[int] = mapped_column(doc="as reckoned when it was asked")
    state: Mapped[RequestState] = mapped_column(words(RequestState), default=RequestState.ASKED)
    asked_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(String(400), doc="document, or why refused")
    leave_id: Mapped[int | None] = mapped_column(ForeignKey("leave.id"))

    case: Mapped[Case] = relationship()
    proofs: Mapped[list["LeaveProof"]] = relationship(order_by="LeaveProof.id")

    def approve(self, by: int, now: datetime, decision: str) -> None:
        """It is granted."""
        self._decide(RequestState.APPROVED, by, now, decision)

    def refuse(self, by: int, now: datetime, why: str) -> None:
        """It is refused, and the person reads why."""
        if not why.strip():
            raise Invalid("Say why: the person reads it.", field="note")
        self._decide(RequestState.REFUSED, by, now, why)

    def withdraw(self, now: datetime) -> None:
        """The person does not want it any more."""
        self._refuse_decided()
        self.state, self.decided_at = RequestState.WITHDRAWN, now

    def _decide(self, state: RequestState, by: int, now: datetime, decision: str) -> None:
        self._refuse_decided()
        self.state, self.decided_by, self.decided_at = state, by, now
        self.decision = decision.strip()

    def _refuse_decided(self) -> None:
        if self.state is not RequestState.ASKED:
            raise Refused("This request is decided or withdrawn already.")


class LeaveProof(AppendOnly, Base):
    """A photo or PDF that a request rests on; the sealed file is kept with the photos."""

    __tablename__ = "leave_proof"

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("leave_request.id"), index=True)
    photo_id: Mapped[UUID] = mapped_column(ForeignKey("stored_photo.id"))


def check_level(asked: LeaveLevel, own: LeaveLevel | None) -> None:
    """Refuse a decision by somebody of too low a level."""
    if not reaches(own, asked):
        raise Forbidden("A leave of this length is decided at a higher level (IM 27).")


def reaches(own: LeaveLevel | None, asked: LeaveLevel) -> bool:
    """Whether somebody of a level decides what is asked of another."""
    order = tuple(LeaveLevel)
    return own is not None and order.index(own) >= order.index(asked)
