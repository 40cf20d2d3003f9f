"""An order that an officer prepared: its ground, facts and days wait for the head's word (LCC 29).

A proposal orders nothing. The head decides an order of their own from it, or sends it back.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Invalid, Refused
from models.order import Ground
from models.user import User

_WAITING = text("state = 'waiting'")


class ProposalState(StrEnum):
    """Waits for the head, became an order, came back with a reason, or is pursued no further."""

    WAITING = "waiting"
    ORDERED = "ordered"
    SENT_BACK = "sent_back"
    TAKEN_BACK = "taken_back"


S = ProposalState


class OrderProposal(Base):
    """What an order would say; at most one of a case waits at a time."""

    __tablename__ = "order_proposal"
    __table_args__ = (
        Index(
            "uq_order_proposal_waiting",
            "case_id",
            unique=True,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    ground: Mapped[Ground] = mapped_column(words(Ground))
    evidence: Mapped[str] = mapped_column(String(2000), doc="the facts in words")
    facts: Mapped[list[Any]] = mapped_column(doc="[kind, id or null, document] of each")
    starts_on: Mapped[date]
    ends_on: Mapped[date] = mapped_column(doc="the last day")
    prepared_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    prepared_at: Mapped[datetime]
    state: Mapped[ProposalState] = mapped_column(words(ProposalState), default=S.WAITING)
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(String(400), doc="why it came back")
    order_id: Mapped[int | None] = mapped_column(ForeignKey("positioning_order.id"))

    case: Mapped[Case] = relationship()
    prepared: Mapped[User] = relationship(foreign_keys=prepared_by)
    answered: Mapped[User | None] = relationship(foreign_keys=answered_by)

    def ordered(self, by: int, now: datetime, order_id: int) -> None:
        """The head decided this order, whatever of the proposal it kept."""
        self._answer(S.ORDERED, by, now)
        self.order_id = order_id

    def send_back(self, by: int, now: datetime, reason: str) -> None:
        """Say what is missing or why there is to be no order."""
        if not reason.strip():
            raise Invalid("Say what is missing, or why there is to be no order.", field="note")
        self._answer(S.SENT_BACK, by, now)
        self.answer = reason.strip()

    def take_back(self, by: int, now: datetime) -> None:
        """Pursue it no further, before or after the head has answered."""
        if self.state is S.SENT_BACK:
            self.state = S.TAKEN_BACK
        else:
            self._answer(S.TAKEN_BACK, by, now)

    def _answer(self, state: ProposalState, by: int, now: datetime) -> None:
        if self.state is not S.WAITING:
            raise Refused("This was already decided.", code="already_decided")
        self.state, self.answered_by, self.answered_at = state, by, now
