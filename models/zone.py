"""电子围栏: areas a case is to keep to or keep out of."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.leave import Leave


class ZoneKind(StrEnum):
    """What a zone asks for."""

    HOME = "home"
    CURFEW = "curfew"
    EXCLUSION = "exclusion"
    PLACE = "place"  # to be at: work, public-benefit activity, a class
    DESTINATION = "destination"  # of a leave, opened by it


class ZoneState(StrEnum):
    """Where a person is, as far as the evidence goes. UNKNOWN is neither breach nor silence."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class BoundarySource(StrEnum):
    """Where a zone's border comes from; it decides how far off the border may be."""

    DRAWN = "drawn"  # by hand on a map, or a circle
    ADMINISTRATIVE = "administrative"  # outlines of divisions
    IMPORTED = "imported"  # a file or a program


# Hands on a map are tens of metres off; outlines of divisions agree to 10 m, and a road may run
# along them; sets of unknown origin were found 50 to 126 m away from one another.
MARGINS_M = {
    BoundarySource.DRAWN: 50.0,
    BoundarySource.ADMINISTRATIVE: 50.0,
    BoundarySource.IMPORTED: 130.0,
}


class ZoneShape(Base):
    """A GeoJSON geometry in WGS-84, once for all zones of this shape: a whole county shares one."""

    __tablename__ = "zone_shape"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True, doc="SHA-256 of the JSON")
    geometry: Mapped[dict[str, Any]]


class Zone(Base):
    """A shape or a circle, with a margin for the error of its source."""

    __tablename__ = "zone"
    __table_args__ = (
        Index("ix_zone_case_id", "case_id"),
        CheckConstraint(
            "(shape_id IS NULL) = (lat IS NOT NULL AND lon IS NOT NULL AND radius_m IS NOT NULL)",
            name="shape_or_circle",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[ZoneKind] = mapped_column(words(ZoneKind))
    name: Mapped[str]
    shape_id: Mapped[int | None] = mapped_column(ForeignKey("zone_shape.id"))
    lat: Mapped[float | None] = mapped_column(doc="degrees, WGS-84; centre of a circle")
    lon: Mapped[float | None]
    radius_m: Mapped[float | None]
    divisions: Mapped[list[Any]] = mapped_column(doc="GB/T 2260 codes it is the union of, or empty")
    datum: Mapped[str] = mapped_column(
        String(8), default="wgs84", doc="that the coordinates were sent in; kept is WGS-84"
    )
    source: Mapped[BoundarySource] = mapped_column(
        words(BoundarySource),
        default=BoundarySource.DRAWN,
        server_default=BoundarySource.DRAWN.value,
    )
    margin_m: Mapped[float] = mapped_column(default=50.0)
    hours: Mapped[str | None] = mapped_column(
        String(11), doc="curfew and place, local: 22:00-06:00"
    )
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    wording: Mapped[str | None] = mapped_column(
        String(400), doc="of the order: all that the wearer is shown of an exclusion zone"
    )
    reason: Mapped[str | None] = mapped_column(
        String(400), doc="why it is meant although it was asked about"
    )
    made_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    leave_id: Mapped[int | None] = mapped_column(
        ForeignKey("leave.id"),
        index=True,
        doc="that it asks again after; outside it that leave is overdue",
    )
    follows_id: Mapped[int | None] = mapped_column(
        ForeignKey("zone.id"), doc="the zone that rests for that leave"
    )

    case: Mapped[Case] = relationship()
    shape: Mapped[ZoneShape | None] = relationship(lazy="joined")
    leave: Mapped[Leave | None] = relationship()

    def again(self, since: datetime, until: datetime | None) -> "Zone":
        """The same zone for another time."""
        same = {name: getattr(self, name) for name in SAME}
        return Zone(**same, valid_from=since, valid_to=until)


SAME = (
    *("case", "kind", "name", "shape", "lat", "lon", "radius_m", "divisions", "datum", "source"),
    *("margin_m", "hours", "wording", "reason", "made_by", "leave_id"),
)


class ZoneChange(Base):
    """A decided state, from `since` on; written only when the decision changed.

    What late fixes make untrue is superseded and stays: the view at a moment are the rows recorded
    by then and not superseded by then.
    """

    __tablename__ = "zone_change"
    __table_args__ = (Index("ix_zone_change_zone_id_since", "zone_id", "since"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    zone_id: Mapped[int] = mapped_column(ForeignKey("zone.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    state: Mapped[ZoneState] = mapped_column(words(ZoneState))
    since: Mapped[datetime]
    decided_at: Mapped[datetime]
    evidence: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
