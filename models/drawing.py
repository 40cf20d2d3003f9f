"""Drawings as they were sent: GeoJSON read strictly, each fault with its place and its mend.

Holes and parts are lawful and kept; nothing is mended unasked, because a bow tie has two readings.
Corners, rings and parts are counted from 1. Errors are `Invalid` for the field `geometry`.
"""

import re
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

import shapely
from shapely.geometry.base import BaseGeometry

from models.area import GeoJson, as_geojson, plane_of
from models.errors import Invalid

CHINA_LON, CHINA_LAT = (73.0, 136.0), (3.0, 54.0)  # degrees; mainland, islands and waters
LEAST_AREA_M2 = 400.0  # below, the error of any receiver decides and not the person
MOST_CORNERS = 5_000  # of a zone; the largest outline of a county has 11,000
MOST_CORNERS_OF_A_DIVISION = 100_000
LEAST_CORNERS = 3  # of a ring, which repeats the first at its end (RFC 7946, 3.1.6)
MOST_DEGREES = 180
AT_CROSSING_DEG = 1e-9
FIELD = "geometry"

Position = tuple[float, float]
Ring = list[Position]


def checked(geojson: object, most_corners: int = MOST_CORNERS_OF_A_DIVISION) -> GeoJson:
    """A (multi)polygon in degrees of WGS-84, longitude first, in China and not too small."""
    shape = read(geojson, most_corners)
    check_place(shape, FIELD)
    check_size(shape)
    return as_geojson(shape)


def read(geojson: object, most_corners: int = MOST_CORNERS) -> BaseGeometry:
    """The areas of a geometry, a Feature or a collection as one, in the numbers that were sent."""
    parts = [_rings(part, number) for number, part in enumerate(_parts(geojson), 1)]
    if not parts:
        raise Invalid("The boundary is empty.", field=FIELD)
    corners = sum(len(ring) - 1 for rings in parts for ring in rings)
    if corners > most_corners:
        raise Invalid(
            "The boundary has %(corners)d corners and may have %(most)d: simplify it first.",
            field=FIELD,
            corners=corners,
            most=most_corners,
        )
    areas = [_area(rings, number) for number, rings in enumerate(parts, 1)]
    return areas[0] if len(areas) == 1 else shapely.union_all(areas)


def in_china(shape: BaseGeometry) -> bool:
    """Whether these can be degrees of a place in China, longitude first."""
    west, south, east, north = shape.bounds
    return (
        CHINA_LON[0] <= west <= east <= CHINA_LON[1]
        and CHINA_LAT[0] <= south <= north <= CHINA_LAT[1]
    )


def swapped(shape: BaseGeometry) -> BaseGeometry:
    """The same with the other number first."""
    return shapely.transform(shape, lambda at: at[:, ::-1])


def check_place(shape: BaseGeometry, field: str) -> None:
    """Refuse what does not lie in China."""
    if in_china(shape):
        return
    if in_china(swapped(shape)):
        raise Invalid(
            "Latitude and longitude are swapped: GeoJSON writes longitude first.", field=field
        )
    raise Invalid(
        "This place is not in China: write degrees of WGS-84, longitude first.", field=field
    )


def check_size(shape: BaseGeometry) -> None:
    """Refuse an area that no receiver can tell from a point."""
    if shapely.area(plane_of(shape).project(shape)) < LEAST_AREA_M2:
        raise Invalid(
            "The area is smaller than %(least)d square metres: draw it larger.",
            field=FIELD,
            least=int(LEAST_AREA_M2),
        )


def _parts(geojson: object) -> Iterator[object]:
    """The polygons of a GeoJSON object, each a list of rings."""
    waiting = deque([geojson])
    while waiting:
        match waiting.popleft():
            case {"type": "Polygon", "coordinates": [*rings]}:
                yield rings
            case {"type": "MultiPolygon", "coordinates": [*polygons]}:
                yield from polygons
            case {"type": "Feature", "geometry": geometry}:
                waiting.append(geometry)
            case {"type": "FeatureCollection", "features": [*inner]}:
                waiting.extend(inner)
            case {"type": "GeometryCollection", "geometries": [*inner]}:
                waiting.extend(inner)
            case {"type": str(), "coordinates": [*_]}:
                raise Invalid("The boundary must enclose an area: draw a polygon.", field=FIELD)
            case _:
                raise Invalid("The boundary must be a GeoJSON geometry.", field=FIELD)


def _rings(rings: object, part: int) -> list[Ring]:
    if not isinstance(rings, list) or not rings:
        raise Invalid("Part %(part)d of the boundary is empty.", field=FIELD, part=part)
    return [_ring(positions, part, ring) for ring, positions in enumerate(rings, 1)]


def _ring(positions: object, part: int, ring: int) -> Ring:
    listed = positions if isinstance(positions, list) else []
    found = [position(at, part, ring, corner) for corner, at in enumerate(listed, 1)]
    if len(set(found)) < LEAST_CORNERS:
        raise Invalid(
            "Ring %(ring)d of part %(part)d has fewer than three corners: draw an area.",
            field=FIELD,
            part=part,
            ring=ring,
        )
    if found[0] != found[-1]:
        raise Invalid(
            "Ring %(ring)d of part %(part)d is not closed: repeat its first corner at its end.",
            field=FIELD,
            part=part,
            ring=ring,
        )
    return found


def position(at: object, part: int, ring: int, corner: int) -> Position:
    """A pair of degrees as it was sent; refused by its place in the drawing."""
    where = f"{part}.{ring}.{corner}"
    match at:
        case [int() | float() as x, int() | float() as y, *_]:
            pass
        case _:
            raise Invalid(
                "Corner %(corner)s (part, ring, corner) is not a pair of numbers.",
                field=FIELD,
                corner=where,
            )
    if not (abs(x) <= MOST_DEGREES and abs(y) <= MOST_DEGREES):  # NaN is neither
        raise Invalid(
            "Corner %(corner)s (part, ring, corner) is out of range: degrees go to 180. Convert "
            "projected coordinates (metres) to degrees first.",
            field=FIELD,
            corner=where,
        )
    return float(x), float(y)


def _area(rings: list[Ring], part: int) -> BaseGeometry:
    area = shapely.Polygon(rings[0], rings[1:])
    if shapely.is_valid(area):
        return area
    edges = _at_crossing(rings, shapely.is_valid_reason(area))
    if len(edges) < 2:  # noqa: PLR2004 - two edges make a crossing
        raise Invalid(
            "A hole of part %(part)d lies outside it, or holes lie in each other: draw it anew.",
            field=FIELD,
            part=part,
        )
    (ring, corner), (other_ring, other_corner) = edges[0], edges[-1]
    raise Invalid(
        "Part %(part)d crosses itself: the edge after corner %(corner)d of ring %(ring)d meets "
        "the edge after corner %(other_corner)d of ring %(other_ring)d. Move a corner.",
        field=FIELD,
        part=part,
        ring=ring,
        corner=corner,
        other_ring=other_ring,
        other_corner=other_corner,
    )


def _at_crossing(rings: list[Ring], reason: str) -> list[tuple[int, int]]:
    """Ring and corner of the edges that meet where GEOS says so: `Self-intersection[x y]`."""
    found = re.fullmatch(r"(?:Ring )?Self-intersection\[(\S+) (\S+)\]", reason)
    if found is None:
        return []
    crossing = shapely.Point(float(found[1]), float(found[2]))
    return [
        (number, corner)
        for number, ring in enumerate(rings, 1)
        for corner, edge in enumerate(pairwise(ring), 1)
        if edge[0] != edge[1]
        and shapely.distance(shapely.LineString(edge), crossing) < AT_CROSSING_DEG
    ]
