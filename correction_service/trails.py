"""Where someone was: read only through here, so that every look is in the log."""

from datetime import datetime
from typing import NamedTuple

import shapely
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from correction_service.audit import viewed
from models import area
from models.checkin import CheckIn
from models.device import Binding
from models.fix import Fix
from models.zone import Zone


class Place(NamedTuple):
    """One stored fix: WGS-84 degrees, its own time and when it came."""

    device_id: int
    time: datetime
    seq: int
    received: datetime
    lat: float
    lon: float
    accuracy_m: float | None
    source: str | None
    strap_open: bool | None


def viewed_trail(session: Session, case_id: int, since: datetime, until: datetime) -> list[Place]:
    """Fixes of a case in [since, until) by time, whatever bracelets it wore; the look is logged."""
    viewed(session, "view_trail", "supervised_case", case_id)
    worn = and_(
        Fix.device_id == Binding.device_id,
        Fix.time >= Binding.bound_at,
        or_(Binding.unbound_at.is_(None), Fix.time < Binding.unbound_at),
    )
    query = (
        select(*(getattr(Fix, name) for name in Place._fields))
        .join(Binding, worn)
        .where(Binding.case_id == case_id, Fix.time >= since, Fix.time < until)
        .order_by(Fix.time, Fix.seq)
    )
    return [Place(*row) for row in session.execute(query)]


class Beside(NamedTuple):
    """A zone as it lies to a place: inside it or not, and how far its border is."""

    zone: Zone
    inside: bool
    border_m: float


def viewed_checkin(session: Session, checkin: CheckIn) -> list[Beside]:
    """How a check-in's own position lies to the zones of then; the look is logged."""
    viewed(session, "view_place", "checkin", checkin.id)
    if checkin.lat is None or checkin.lon is None:
        return []
    began = (Zone.case_id == checkin.case_id, Zone.valid_from <= checkin.at)
    then = or_(Zone.valid_to.is_(None), Zone.valid_to > checkin.at)
    zones = session.scalars(select(Zone).where(*began, then).order_by(Zone.id))
    return [_beside(zone, checkin.lat, checkin.lon) for zone in zones]


def _beside(zone: Zone, lat: float, lon: float) -> Beside:
    shape = shapely.geometry.shape(area.outline(zone))
    plane = area.plane_of(shape)
    border, point = plane.project(shape), plane.point(lat, lon)
    inside = bool(shapely.contains(border, point))
    return Beside(zone, inside, float(shapely.distance(shapely.boundary(border), point)))
