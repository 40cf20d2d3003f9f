"""How far a person may have come since their last position, and how far the border is."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

import shapely

from models.area import curfew_hours, outline, plane_of
from models.case import LEGAL_ZONE
from models.zone import Zone, ZoneKind

BORDERS = (ZoneKind.HOME, ZoneKind.CURFEW, ZoneKind.EXCLUSION)
REACH_KMH = 60.0  # by road, door to door: faster is rare, and the border is farther by road


def reach_m(offline: timedelta) -> float:
    """Metres that a person may have come in this time."""
    return max(offline.total_seconds(), 0.0) * REACH_KMH / 3.6


def boundary_m(zones: Iterable[Zone], lat: float, lon: float, at: datetime) -> float | None:
    """Metres from a position to the nearest border that is not to be crossed now.

    0 where it lies on the wrong side of one; None where there is none, and nobody can tell.
    """
    found = [_to_border_m(it, lat, lon) for it in zones if it.kind in BORDERS and _asks(it, at)]
    return min(found, default=None)


def _asks(zone: Zone, at: datetime) -> bool:
    if at < zone.valid_from or (zone.valid_to is not None and zone.valid_to <= at):
        return False
    if zone.hours is None:
        return True
    opens, closes = curfew_hours(zone.hours)
    local = at.astimezone(LEGAL_ZONE).time()
    return opens <= local < closes if opens < closes else local >= opens or local < closes


def _to_border_m(zone: Zone, lat: float, lon: float) -> float:
    """Metres from a position on the right side of a zone to its border as drawn; 0 on the wrong."""
    shape = shapely.from_geojson(json.dumps(outline(zone)))
    plane = plane_of(shape)
    area, point = plane.project(shape), plane.point(lat, lon)
    right = bool(shapely.contains(area, point)) != (zone.kind is ZoneKind.EXCLUSION)
    return float(shapely.distance(shapely.boundary(area), point)) if right else 0.0
