"""外出申请: asked with proof, decided by a person of the right level (LCC 27, IM 27).

It is asked on the phone page, or on paper, in person or by a call, which an officer enters. Nothing
refuses a request but a person with a reason: one that nobody has decided stays open. For going
about the own city no leave is needed (IM 26), and that is what such a request is answered with.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import Case
from models.errors import Invalid, Refused
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
    NOT_NEEDED = "not_needed"


class AskedHow(StrEnum):
    """The way in which it was asked; all but the page are entered by an officer."""

    PAGE = "page"
    PAPER = "paper"
    IN_PERSON = "in_person"
    CALL = "call"


class LeaveRequest(Base):
    """What a person asks for; once approved it names the leave."""

    __tablename__ = "leave_request"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="runs_forward"),
        CheckConstraint("(asked_how = 'page') = (entered_by IS NULL)", name="entered_by_somebody"),
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
    asked_how: Mapped[AskedHow] = mapped_column(
        words(AskedHow), default=AskedHow.PAGE, server_default=AskedHow.PAGE.value
    )
    entered_by: Mapped[int | None] = mapped_column(
        ForeignKey("user_account.id"), doc="the officer who took it from paper, talk or call"
    )
    at_home: Mapped[bool] = mapped_column(
        default=False,
        server_default=false(),
        doc="as asked, all within the own city or county: no leave is needed (IM 26)",
    )
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(
        String(400), doc="document, why refused, or a word to who needs none"
    )
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

    def needs_none(self, by: int, now: datetime, words: str) -> None:
        """No leave is needed for it: it is answered, and neither granted nor refused."""
        self._decide(RequestState.NOT_NEEDED, by, now, words)

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


def reaches(own: LeaveLevel | None, asked: LeaveLevel) -> bool:
    """Whether somebody of a level decides what is asked of another."""
    order = tuple(LeaveLevel)
    return own is not None and order.index(own) >= order.index(asked)
