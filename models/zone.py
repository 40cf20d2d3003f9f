"""电子围栏: areas a case is to keep to or keep out of."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case


class ZoneKind(StrEnum):
    """What a zone asks for."""

    HOME = "home"
    CURFEW = "curfew"
    EXCLUSION = "exclusion"


class ZoneState(StrEnum):
    """Where a person is, as far as the evidence goes. UNKNOWN is neither breach nor silence."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class Zone(Base):
    """A GeoJSON geometry in WGS-84, with a margin for the error of its source."""

    __tablename__ = "zone"
    __table_args__ = (Index("ix_zone_case_id", "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[ZoneKind] = mapped_column(words(ZoneKind))
    name: Mapped[str]
    geometry: Mapped[dict[str, Any]]
    divisions: Mapped[list[Any]] = mapped_column(doc="GB/T 2260 codes it is the union of, or empty")
    datum: Mapped[str] = mapped_column(String(8), default="wgs84")
    margin_m: Mapped[float] = mapped_column(default=50.0)
    hours: Mapped[str | None] = mapped_column(String(11), doc="curfew, local: 22:00-06:00")
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    case: Mapped[Case] = relationship()


class ZoneChange(Base):
    """A decided state, from `since` on; written only when the decision changed."""

    __tablename__ = "zone_change"
    __table_args__ = (Index("ix_zone_change_zone_id_since", "zone_id", "since"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    zone_id: Mapped[int] = mapped_column(ForeignKey("zone.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    state: Mapped[ZoneState] = mapped_column(words(ZoneState))
    since: Mapped[datetime]
    decided_at: Mapped[datetime]
    evidence: Mapped[dict[str, Any]]
