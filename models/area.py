"""Areas on the ground: a zone's GeoJSON checked, drawn, and projected to metres.

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
CHINA_LON, CHINA_LAT = (73.0, 136.0), (3.0, 54.0)  # degrees; mainland, islands and waters
LEAST_AREA_M2 = 400.0  # below, the error of any receiver decides and not the person
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


def checked(geojson: object) -> GeoJson:
    """A (multi)polygon in WGS-84, longitude first, mended where it crossed itself.

    Takes a geometry, a Feature or a FeatureCollection (the union of its areas). Raises `Invalid`
    for the field `geometry` where it is none of these, empty, swapped, outside China or too small.
    """
    shape = _areas_only(shapely.make_valid(_read(geojson)))
    _check_place(shape)
    if shapely.area(plane_of(shape).project(shape)) < LEAST_AREA_M2:
        raise Invalid(
            "The area is smaller than %(least)d square metres: draw it larger.",
            field="geometry",
            least=int(LEAST_AREA_M2),
        )
    return as_geojson(shape)


def as_geojson(shape: BaseGeometry) -> GeoJson:
    """A shape in degrees as a GeoJSON geometry."""
    found: GeoJson = json.loads(shapely.to_geojson(shape))
    return found


def _read(geojson: object) -> BaseGeometry:
    try:
        shape = shapely.force_2d(shapely.from_geojson(json.dumps(geojson, allow_nan=False)))
    except (shapely.errors.GEOSException, ValueError, TypeError, RecursionError):
        raise Invalid("The boundary must be a GeoJSON geometry.", field="geometry") from None
    if shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        raise Invalid("The boundary is empty.", field="geometry")
    return shape


def _areas_only(shape: BaseGeometry) -> BaseGeometry:
    """The polygons of a shape as one; mending a bow tie may leave stray lines."""
    parts = [shape]
    while any(part.geom_type == "GeometryCollection" for part in parts):
        parts = list(shapely.get_parts(parts))
    areas = shapely.union_all([part for part in parts if shapely.get_dimensions(part) == 2])  # noqa: PLR2004 - a surface
    if areas.is_empty:
        raise Invalid("The boundary must enclose an area: draw a polygon.", field="geometry")
    return areas


def _check_place(shape: BaseGeometry) -> None:
    x_low, y_low, x_high, y_high = shape.bounds
    if _within((x_low, x_high), CHINA_LON) and _within((y_low, y_high), CHINA_LAT):
        return
    if _within((x_low, x_high), CHINA_LAT) and _within((y_low, y_high), CHINA_LON):
        raise Invalid(
            "Latitude and longitude are swapped: GeoJSON writes longitude first.",
            field="geometry",
        )
    raise Invalid(
        "The boundary is not in China: write degrees of WGS-84, longitude first.",
        field="geometry",
    )


def _within(span: tuple[float, float], limits: tuple[float, float]) -> bool:
    return limits[0] <= span[0] and span[1] <= limits[1]


def circle(lat: float, lon: float, radius_m: float) -> GeoJson:
    """A circle as a polygon of 64 corners, none nearer than 0.9988 of the radius."""
    if not RADIUS_M[0] <= radius_m <= RADIUS_M[1]:
        raise Invalid("A radius is 20 m to 100 km.", field="radius_m")
    plane = Plane(lon=lon, lat=lat)
    round_shape = shapely.buffer(shapely.Point(0, 0), radius_m, quad_segs=CIRCLE_CORNERS // 4)
    return checked(as_geojson(plane.unproject(round_shape)))


def outline(zone: Zone) -> GeoJson:
    """A zone as a GeoJSON geometry in WGS-84, to draw it; a circle as a polygon."""
    if zone.shape is not None:
        return zone.shape.geometry
    if zone.lat is None or zone.lon is None or zone.radius_m is None:
        msg = "a zone has a shape or is a circle; the database holds it to that"
        raise ValueError(msg)
    return circle(zone.lat, zone.lon, zone.radius_m)
