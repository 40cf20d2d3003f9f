"""How far a person may have come since their last position, and how far the border is."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

import shapely

from models.area import outline, plane_of
from models.zone import Zone, ZoneKind

REACH_KMH = 60.0  # by road, door to door: faster is rare, and the border is farther by road


def reach_m(offline: timedelta) -> float:
    """Metres that a person may have come in this time."""
    return max(offline.total_seconds(), 0.0) * REACH_KMH / 3.6


def boundary_m(zones: Iterable[Zone], lat: float, lon: float, at: datetime) -> float | None:
    """Metres from a position to the nearest border of the home zones in force.

    0 where it lies outside one of them; None where there is none, and nobody can tell.
    """
    found = [
        _within_m(zone, lat, lon)
        for zone in zones
        if zone.kind is ZoneKind.HOME
        and zone.valid_from <= at
        and (zone.valid_to is None or at < zone.valid_to)
    ]
    return min(found, default=None)


def _within_m(zone: Zone, lat: float, lon: float) -> float:
    """Metres from a position inside a zone to its border as drawn; 0 outside."""
    shape = shapely.from_geojson(json.dumps(outline(zone)))
    plane = plane_of(shape)
    area, point = plane.project(shape), plane.point(lat, lon)
    inside = bool(shapely.contains(area, point))
    return float(shapely.distance(shapely.boundary(area), point)) if inside else 0.0
