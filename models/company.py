"""禁止接触: cases that an order keeps apart, and where their meeting is no contact (IM 25).

Only people whom an order or a decision names are looked at, and only while both are followed under
a positioning order of their own.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.case import Case


class CompanyBan(Base):
    """People who are to keep apart: co-offenders, or a case and people whom its order names."""

    __tablename__ = "company_ban"

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    basis: Mapped[str] = mapped_column(String(400), doc="the order or decision that it rests on")
    named: Mapped[str | None] = mapped_column(
        String(400), doc="people without a case here, in the order's words; nobody follows them"
    )
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    members: Mapped[list["CompanyBanCase"]] = relationship(
        back_populates="ban", order_by="CompanyBanCase.case_id"
    )

    def in_force(self, at: datetime) -> bool:
        """Whether it keeps anybody apart at a moment."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


class CompanyBanCase(Base):
    """One of those who are to keep apart."""

    __tablename__ = "company_ban_case"

    ban_id: Mapped[int] = mapped_column(ForeignKey("company_ban.id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(
        ForeignKey("supervised_case.id"), primary_key=True, index=True
    )

    ban: Mapped[CompanyBan] = relationship(back_populates="members")
    case: Mapped[Case] = relationship()


class CompanyPair(Base):
    """What is remembered of two who are to keep apart and were seen near each other."""

    __tablename__ = "company_pair"
    __table_args__ = (CheckConstraint("one_id < other_id", name="once"),)

    one_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), primary_key=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), primary_key=True)
    together: Mapped[bool]
    evidence_s: Mapped[int] = mapped_column(doc="seconds seen near, less those seen apart")
    since: Mapped[datetime] = mapped_column(doc="when they were first seen near")
    near_at: Mapped[datetime] = mapped_column(doc="when they were last seen near")
    at: Mapped[datetime] = mapped_column(doc="of the newest evidence, of either kind")
    apart_m: Mapped[int] = mapped_column(doc="between their positions then")
    error_m: Mapped[int] = mapped_column(doc="that was allowed for then")


class MeetingPlace(Base):
    """Where those who are to keep apart may meet: the corrections centre, a classroom."""

    __tablename__ = "meeting_place"

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    name: Mapped[str]
    lat: Mapped[float] = mapped_column(doc="degrees, WGS-84")
    lon: Mapped[float]
    radius_m: Mapped[float]
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
