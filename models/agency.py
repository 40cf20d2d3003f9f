"""Agencies and the judicial offices under them (LCC 8, 9)."""

from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words


class AgencyLevel(StrEnum):
    """Where an agency stands: only a county decides, those above look on and approve."""

    COUNTY = "county"
    CITY = "city"
    PROVINCE = "province"


class Agency(Base):
    """社区矫正机构: a community corrections agency, of a county or above."""

    __tablename__ = "agency"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    level: Mapped[AgencyLevel] = mapped_column(words(AgencyLevel))
    division: Mapped[str] = mapped_column(String(6), doc="GB/T 2260 code")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))

    parent: Mapped["Agency | None"] = relationship(remote_side="Agency.id")
    offices: Mapped[list["Office"]] = relationship(back_populates="agency")


class Office(Base):
    """司法所: a judicial office, which does the daily work when delegated."""

    __tablename__ = "office"
    __table_args__ = (UniqueConstraint("agency_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    name: Mapped[str]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    phone: Mapped[str | None] = mapped_column(String(32), doc="that people call, as it is dialled")

    agency: Mapped[Agency] = relationship(back_populates="offices")
