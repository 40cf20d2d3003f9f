"""更正: what of a sentence is put right by a paper, such as a reduction (LCC 33) or a wrong entry.

One proposes, another decides. What stood before and what stands instead are both kept.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Invalid, Refused

_WAITING = text("state = 'waiting'")


class CorrectionState(StrEnum):
    """Waits for the second person, or was decided."""

    WAITING = "waiting"
    AGREED = "agreed"
    REFUSED = "refused"


S = CorrectionState


class SentenceCorrection(Base):
    """One correction, with the paper that it rests on; at most one of a case waits at a time."""

    __tablename__ = "sentence_correction"
    __table_args__ = (
        Index(
            "uq_sentence_correction_waiting",
            "case_id",
            unique=True,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    before: Mapped[dict[str, Any]] = mapped_column(doc="what stood, by column; days as ISO 8601")
    after: Mapped[dict[str, Any]] = mapped_column(doc="what is to stand, of the same columns")
    number: Mapped[str] = mapped_column(String(64), doc="of the paper that says so")
    reason: Mapped[str] = mapped_column(String(400))
    proposed_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    proposed_at: Mapped[datetime]
    state: Mapped[CorrectionState] = mapped_column(words(CorrectionState), default=S.WAITING)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(String(400), doc="its reason")

    case: Mapped[Case] = relationship()

    @property
    def lengthens(self) -> bool:
        """Whether the term is to end later than it stood."""
        return bool(self.after.get("term_end", "") > self.before.get("term_end", ""))  # ISO 8601

    def decide(self, by: int, now: datetime, *, agreed: bool, reason: str) -> None:
        """Agree or refuse, in words; never by who proposed it."""
        if self.state is not S.WAITING:
            raise Refused("This was already decided.", code="already_decided")
        if by == self.proposed_by:
            raise Refused("Who proposed a correction does not decide it.", code="second_person")
        if not reason.strip():
            raise Invalid("The decision gives its reason.", field="note")
        self.state = S.AGREED if agreed else S.REFUSED
        self.decided_by, self.decided_at, self.decision = by, now, reason.strip()
