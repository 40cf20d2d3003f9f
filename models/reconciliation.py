"""信息核对: another agency's list beside our register, each difference with what was done about it.

The list itself is not kept: a difference names the row of their file and the case of ours, and no
number and no name, so that nothing is stored of people who are none of ours.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.agency import Agency
from models.base import AppendOnly, Base, words
from models.case import Case
from models.errors import Invalid, Refused


class DifferenceKind(StrEnum):
    """How the two differ."""

    NOT_HERE = "not_here"
    NOT_THERE = "not_there"
    ENDED_HERE = "ended_here"
    TWICE_THERE = "twice_there"
    TWICE_HERE = "twice_here"
    UNREADABLE = "unreadable"


class Reconciliation(AppendOnly, Base):
    """One comparison: whose list, how many on it, how many that agree."""

    __tablename__ = "reconciliation"

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    source: Mapped[str] = mapped_column(doc="whose list, of which day")
    listed: Mapped[int]
    agreed: Mapped[int]
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    agency: Mapped[Agency] = relationship()
    differences: Mapped[list["RegisterDifference"]] = relationship(
        back_populates="reconciliation", order_by="RegisterDifference.id"
    )


class RegisterDifference(Base):
    """One difference, until somebody writes down what was found and done."""

    __tablename__ = "register_difference"

    id: Mapped[int] = mapped_column(primary_key=True)
    reconciliation_id: Mapped[int] = mapped_column(ForeignKey("reconciliation.id"), index=True)
    kind: Mapped[DifferenceKind] = mapped_column(words(DifferenceKind))
    row: Mapped[int | None] = mapped_column(doc="of their file; row 1 holds the headings")
    case_id: Mapped[int | None] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    handled_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    handled_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(400), doc="what was found and done")

    reconciliation: Mapped[Reconciliation] = relationship(back_populates="differences")
    case: Mapped[Case | None] = relationship()

    def handle(self, by: int, now: datetime, note: str) -> None:
        """Put it away with what was found and done; once."""
        if self.handled_at is not None:
            raise Refused("This difference is dealt with already.")
        if not note.strip():
            raise Invalid("Say what was found and done.", field="note")
        self.handled_by, self.handled_at, self.note = by, now, note.strip()
