"""A clock of the law that somebody started: what is to be done until when, and what was done.

Its end is kept as it was reckoned at the start: a later change of the table moves no clock that
runs already.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.case import Case
from models.errors import Invalid, Refused


class LegalClock(Base):
    """One running of a clock of the law's table for one case."""

    __tablename__ = "legal_clock"
    __table_args__ = (
        CheckConstraint("stopped_at IS NULL OR outcome IS NOT NULL", name="stopped_with_outcome"),
        Index("ix_legal_clock_case_id_rule", "case_id", "rule"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    rule: Mapped[str] = mapped_column(String(64), doc="its name in the law's table of clocks")
    starts_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(doc="the first moment that is too late")
    exact: Mapped[bool] = mapped_column(doc="whether the holidays that bear on it were on file")
    basis: Mapped[str] = mapped_column(doc="law and mark as of the start")
    note: Mapped[str] = mapped_column(String(400), doc="the paper or event that started it")
    started_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    stopped_at: Mapped[datetime | None]
    stopped_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    outcome: Mapped[str | None] = mapped_column(String(400), doc="what was done")

    case: Mapped[Case] = relationship()

    def stop(self, by: int, at: datetime, outcome: str) -> None:
        """End it with what was done; once."""
        if self.stopped_at is not None:
            raise Refused("This clock has ended already.")
        if at < self.starts_at:
            raise Invalid("A clock ends after it began.", field="on")
        if not outcome.strip():
            raise Invalid("Say what was done.", field="note")
        self.stopped_at, self.stopped_by, self.outcome = at, by, outcome.strip()
