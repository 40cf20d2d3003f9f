"""A way that somebody is to keep to: lines made areas that reach to either side of them."""

from collections.abc import Iterator, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from models import drawing
from models.area import as_geojson, plane_of
from models.drawing import FIELD
from models.errors import Invalid

REACH_M = 100.0  # a street with its pavements, and what receivers are off between houses
MOST_POINTS = 2_000


def widened(geojson: object, reach_m: float = REACH_M) -> object:
    """A drawing of lines as the area within `reach_m` of them; any other as it is.

    Lines are degrees, longitude first, in China; their places are not asked about but refused.
    """
    lines = list(_lines(geojson))
    if not lines:
        return geojson
    if sum(map(len, lines)) > MOST_POINTS:
        raise Invalid(
            "The way has more than %(most)d points: simplify it first.",
            field=FIELD,
            most=MOST_POINTS,
        )
    way = shapely.union_all([_line(points, number) for number, points in enumerate(lines, 1)])
    drawing.check_place(way, FIELD)
    plane = plane_of(way)
    return as_geojson(plane.unproject(shapely.buffer(plane.project(way), reach_m, quad_segs=4)))


def _lines(geojson: object) -> Iterator[Sequence[object]]:
    match geojson:
        case {"type": "LineString", "coordinates": [*points]}:
            yield points
        case {"type": "MultiLineString", "coordinates": [*lines]}:
            yield from (it if isinstance(it, list) else [] for it in lines)
        case {"type": "Feature", "geometry": geometry}:
            yield from _lines(geometry)
        case {"type": "FeatureCollection", "features": [*features]}:
            for feature in features:
                yield from _lines(feature)


def _line(points: Sequence[object], part: int) -> BaseGeometry:
    found = [drawing.position(at, part, 1, corner) for corner, at in enumerate(points, 1)]
    if len(set(found)) < 2:  # noqa: PLR2004 - a line has two ends
        raise Invalid("Part %(part)d of the way has fewer than two points.", field=FIELD, part=part)
    return shapely.LineString(found)
