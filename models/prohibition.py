"""禁止令: what a court forbids somebody for a time, and the reports of how they keep to it."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.case import Case
from models.errors import Invalid, Refused


class ProhibitionOrder(Base):
    """One order of a court, in its own words, and how often the person reports on it."""

    __tablename__ = "prohibition_order"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="runs_forward"),
        CheckConstraint("report_days > 0", name="reported_on_some_day"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    court: Mapped[str]
    number: Mapped[str] = mapped_column(String(64), doc="of the judgment or order")
    forbids: Mapped[str] = mapped_column(String(2000), doc="in the words of the court")
    starts_on: Mapped[date]
    ends_on: Mapped[date] = mapped_column(doc="its last day")
    report_days: Mapped[int] = mapped_column(doc="report once in so many days (IM 24)")
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    lifted_on: Mapped[date | None] = mapped_column(doc="no longer in force from this day on")
    lifted_why: Mapped[str | None] = mapped_column(String(400), doc="by which paper, or what error")
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    case: Mapped[Case] = relationship()
    reports: Mapped[list["ProhibitionReport"]] = relationship(
        back_populates="order", order_by="ProhibitionReport.reported_on, ProhibitionReport.id"
    )

    def in_force(self, day: date) -> bool:
        """Whether the court's words bind on a legal day."""
        lifted = self.lifted_on is not None and self.lifted_on <= day
        return self.starts_on <= day <= self.ends_on and not lifted

    def lift(self, on: date, why: str, by: int) -> None:
        """Say that it binds no longer from a day on, and why: a paper, or an error of entry."""
        if self.lifted_on is not None:
            raise Refused("This order was already lifted.")
        if not why.strip():
            raise Invalid("Say why, and on which paper.", field="note")
        if on < self.starts_on:
            raise Invalid("This day is before the order begins.", field="on")
        self.lifted_on, self.lifted_why, self.lifted_by = on, why.strip(), by


class ProhibitionReport(Base):
    """How somebody reported on keeping to an order: when, and what they said."""

    __tablename__ = "prohibition_report"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("prohibition_order.id"), index=True)
    reported_on: Mapped[date]
    said: Mapped[str] = mapped_column(String(2000))
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    order: Mapped[ProhibitionOrder] = relationship(back_populates="reports")
