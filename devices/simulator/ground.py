"""Plane geometry for a county: metres north and east, good to 0.1 % over 100 km."""

from math import cos, hypot, radians

import shapely
from shapely.geometry.base import BaseGeometry

from devices.datum import Point

METRES_PER_DEGREE = 111_320.0
BEYOND_M = 10_000.0

Metres = tuple[float, float]  # north, east


def between(start: Point, end: Point) -> Metres:
    """The way from start to end."""
    north_m = (end[0] - start[0]) * METRES_PER_DEGREE
    return north_m, (end[1] - start[1]) * METRES_PER_DEGREE * cos(radians(start[0]))


def distance_m(start: Point, end: Point) -> float:
    """How far end lies from start."""
    return hypot(*between(start, end))


def moved(start: Point, way: Metres) -> Point:
    """The point that lies `way` from start."""
    lat = start[0] + way[0] / METRES_PER_DEGREE
    return lat, start[1] + way[1] / (METRES_PER_DEGREE * cos(radians(start[0])))


def towards(start: Point, end: Point, most_m: float) -> Point:
    """The point at most `most_m` from start on the way to end."""
    far_m = distance_m(start, end)
    if far_m <= most_m:
        return end
    north_m, east_m = between(start, end)
    return moved(start, (north_m * most_m / far_m, east_m * most_m / far_m))


def contains(area: BaseGeometry, point: Point) -> bool:
    """Whether a point lies in an area given in degrees, x = longitude, y = latitude."""
    return bool(shapely.contains_xy(area, point[1], point[0]))


def way_out(area: BaseGeometry, start: Point) -> Point:
    """A point at least 10 km past the nearest edge of the area, and outside all of it."""
    line = shapely.shortest_line(shapely.Point(start[1], start[0]), area.boundary)
    edge = shapely.get_point(line, 1)
    goal = brink = edge.y, edge.x
    north_m, east_m = between(start, brink)
    far_m = hypot(north_m, east_m)
    stride = (BEYOND_M, 0.0)  # due north from the very edge
    if far_m > 0:
        stride = (north_m / far_m * BEYOND_M, east_m / far_m * BEYOND_M)
    while goal == brink or contains(area, goal):
        goal = moved(goal, stride)
    return goal
