"""值班: who answers for the incidents of an office, or of a whole agency, and when."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.agency import Agency, Office
from models.base import Base
from models.user import User


class Shift(Base):
    """An officer on duty from a moment up to another, who covers, and who answers for both.

    `handed_over_at` stays empty after its end until somebody else is on duty to hand over to.
    """

    __tablename__ = "shift"
    __table_args__ = (
        Index("ix_shift_agency_id_begins_at", "agency_id", "begins_at"),
        CheckConstraint("begins_at < ends_at", name="runs_forward"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    office_id: Mapped[int | None] = mapped_column(
        ForeignKey("office.id"), doc="none: all offices of the agency without a shift of their own"
    )
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(doc="the first moment after it")
    officer_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    cover_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    head_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    handed_over_at: Mapped[datetime | None]

    agency: Mapped[Agency] = relationship()
    office: Mapped[Office | None] = relationship()
    officer: Mapped[User] = relationship(foreign_keys=officer_id)
    cover: Mapped[User] = relationship(foreign_keys=cover_id)
    head: Mapped[User] = relationship(foreign_keys=head_id)

    def runs(self, at: datetime) -> bool:
        """Whether it has begun and not ended."""
        return self.begins_at <= at < self.ends_at
