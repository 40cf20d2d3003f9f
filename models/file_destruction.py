"""销毁: the destruction of a file whose term is over, by a destruction list (销毁清册).

One proposes, another agrees. What was destroyed is in the receipt of the log; here is who and when.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Invalid, Refused

_WAITING = text("state = 'waiting'")


class DestructionState(StrEnum):
    """Waits for the second person, or how it ended."""

    WAITING = "waiting"
    AGREED = "agreed"
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"


S = DestructionState


class FileDestruction(Base):
    """One proposal to destroy a person's file, named by their last case; at most one waits."""

    __tablename__ = "file_destruction"
    __table_args__ = (
        CheckConstraint(
            "state <> 'agreed' OR decided_by <> proposed_by OR alone_because IS NOT NULL",
            name="second_person",
        ),
        Index(
            "uq_file_destruction_waiting",
            "case_id",
            unique=True,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    list_number: Mapped[str] = mapped_column(String(64), doc="of the destruction list")
    proposed_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    proposed_at: Mapped[datetime]
    state: Mapped[DestructionState] = mapped_column(words(DestructionState), default=S.WAITING)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(String(400), doc="why it was declined")
    alone_because: Mapped[str | None] = mapped_column(
        String(400), doc="why nobody else could agree, where the proposer did"
    )

    case: Mapped[Case] = relationship()

    def agree(self, by: int, now: datetime) -> None:
        """Agree as a second person."""
        self._check_waiting()
        if by == self.proposed_by:
            raise Refused("Who proposed a destruction does not agree to it.", code="second_person")
        self._decide(S.AGREED, by, now)

    def agree_alone(self, by: int, now: datetime, because: str) -> None:
        """Agree to an own proposal; the caller has seen that nobody else is there to."""
        self._check_waiting()
        if not because.strip():
            raise Invalid("Say why nobody else could look at it.", field="alone_because")
        self.alone_because = because.strip()
        self._decide(S.AGREED, by, now)

    def decline(self, by: int, now: datetime, reason: str) -> None:
        """Decline in words, as a second person."""
        self._check_waiting()
        if by == self.proposed_by:
            raise Refused("Who proposed it takes it back instead.", code="second_person")
        if not reason.strip():
            raise Invalid("The decision gives its reason.", field="note")
        self.decision = reason.strip()
        self._decide(S.DECLINED, by, now)

    def take_back(self, by: int, now: datetime) -> None:
        """Take an own proposal back before anybody agreed."""
        self._check_waiting()
        if by != self.proposed_by:
            raise Refused("Only who proposed it takes it back.", code="not_yours")
        self._decide(S.TAKEN_BACK, by, now)

    def _check_waiting(self) -> None:
        if self.state is not S.WAITING:
            raise Refused("This was already decided.", code="already_decided")

    def _decide(self, state: DestructionState, by: int, now: datetime) -> None:
        self.state, self.decided_by, self.decided_at = state, by, now
