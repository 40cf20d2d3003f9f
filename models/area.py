"""Areas on the ground: circles and shapes in degrees, and projected to metres.

Metres are of a local equirectangular plane around the area. It is an affine map of degrees, so
what lies inside stays inside exactly; distances are right to 0.5 % for areas up to 200 km wide.
"""

import json
from dataclasses import dataclass
from datetime import time
from functools import cached_property
from math import cos, radians
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from models.errors import Invalid
from models.zone import Zone

METRES_A_DEGREE = 111_195.0  # of a great circle on the mean sphere
CIRCLE_CORNERS = 64
RADIUS_M = (20.0, 100_000.0)

GeoJson = dict[str, Any]


@dataclass(frozen=True)
class Plane:
    """Degrees of WGS-84 to metres east and north of an origin, and back."""

    lon: float
    lat: float

    @cached_property
    def metres_a_degree(self) -> tuple[float, float]:
        """Metres that one degree of longitude and of latitude make here."""
        return METRES_A_DEGREE * cos(radians(self.lat)), METRES_A_DEGREE

    def project(self, shape: BaseGeometry) -> BaseGeometry:
        """Degrees to metres."""
        scale = np.array(self.metres_a_degree)
        return shapely.transform(shape, lambda at: (at - (self.lon, self.lat)) * scale)

    def unproject(self, shape: BaseGeometry) -> BaseGeometry:
        """Metres to degrees."""
        scale = np.array(self.metres_a_degree)
        return shapely.transform(shape, lambda at: at / scale + (self.lon, self.lat))

    def point(self, lat: float, lon: float) -> shapely.Point:
        """A position in metres."""
        east, north = self.metres_a_degree
        return shapely.Point((lon - self.lon) * east, (lat - self.lat) * north)


def plane_of(shape: BaseGeometry) -> Plane:
    """The plane around a shape in degrees."""
    west, south, east, north = shape.bounds
    return Plane(lon=(west + east) / 2, lat=(south + north) / 2)


def curfew_hours(text: str) -> tuple[time, time]:
    """Read `22:00-06:00`; the hours may run past midnight."""
    try:
        opens, closes = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        opens = closes = time()
    if opens == closes or opens.tzinfo or closes.tzinfo:
        raise Invalid("Curfew hours read like 22:00-06:00.", field="hours")
    return opens, closes


def as_geojson(shape: BaseGeometry) -> GeoJson:
    """A shape in degrees as a GeoJSON geometry."""
    found: GeoJson = json.loads(shapely.to_geojson(shape))
    return found


def circle(lat: float, lon: float, radius_m: float) -> GeoJson:
    """A circle as a polygon of 64 corners, none nearer than 0.9988 of the radius."""
    if not RADIUS_M[0] <= radius_m <= RADIUS_M[1]:
        raise Invalid("A radius is 20 m to 100 km.", field="radius_m")
    plane = Plane(lon=lon, lat=lat)
    round_shape = shapely.buffer(shapely.Point(0, 0), radius_m, quad_segs=CIRCLE_CORNERS // 4)
    return as_geojson(plane.unproject(round_shape))


def outline(zone: Zone) -> GeoJson:
    """A zone as a GeoJSON geometry in WGS-84, to draw it; a circle as a polygon."""
    if zone.shape is not None:
        return zone.shape.geometry
    if zone.lat is None or zone.lon is None or zone.radius_m is None:
        msg = "a zone has a shape or is a circle; the database holds it to that"
        raise ValueError(msg)
    return circle(zone.lat, zone.lon, zone.radius_m)
