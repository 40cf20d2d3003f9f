"""维护时段: a bracelet in an officer's hands, when an open strap or case means nothing."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.device import Device


class ServiceKind(StrEnum):
    """What is done to the bracelet."""

    FIT = "fit"
    BATTERY_SWAP = "battery_swap"
    REPLACE = "replace"
    REMOVE = "remove"


class ServiceSession(Base):
    """An officer works on the bracelet of one person, for minutes; a person has one at a time.

    It is over when an officer closes it, and at `closes_at` by itself.
    """

    __tablename__ = "service_session"
    __table_args__ = (
        CheckConstraint("closes_at > opened_at", name="runs_forward"),
        Index("ix_service_session_case_id_opened_at", "case_id", "opened_at"),
        Index(
            "uq_service_session_case_id_now",
            "case_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    kind: Mapped[ServiceKind] = mapped_column(words(ServiceKind))
    opened_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    opened_at: Mapped[datetime]
    closes_at: Mapped[datetime] = mapped_column(doc="at the latest")
    closed_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(2000), default="")

    case: Mapped[Case] = relationship()
    device: Mapped[Device] = relationship()

    @property
    def ends_at(self) -> datetime:
        """When it was over, or is going to be."""
        return self.closes_at if self.closed_at is None else self.closed_at

    def covers(self, at: datetime) -> bool:
        """Whether a moment lies inside it."""
        return self.opened_at <= at < self.ends_at
