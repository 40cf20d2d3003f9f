"""Coordinate systems in use in China, and the way back to WGS-84.

GCJ-02 is WGS-84 with a nonlinear shift of 300-600 m; BD-09 shifts GCJ-02 once more. The shift is
defined forwards only, so the way back is found by fixed-point iteration (error below 0.1 mm; the
usual single subtraction is wrong by metres). Formulas: the published GCJ-02 approximation on the
Krasovsky 1940 ellipsoid, and Baidu's public BD-09 transform. All angles are degrees.
"""

from collections.abc import Callable
from enum import StrEnum
from math import atan2, cos, degrees, hypot, pi, radians, sin, sqrt

Point = tuple[float, float]  # latitude, longitude


class Crs(StrEnum):
    """The datum that a fix was measured in."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


CHINA_BOX: tuple[Point, Point] = (0.8293, 72.004), (55.8271, 137.8347)
SEMI_MAJOR_M = 6378245.0
ECCENTRICITY_SQUARED = 0.00669342162296594323
BD09_TWIST = pi * 3000.0 / 180.0
CLOSE_ENOUGH_DEG = 1e-10  # 0.01 mm
MOST_ROUNDS = 12


def in_china(point: Point) -> bool:
    """Whether GCJ-02 shifts here: its definition uses this box, not the border."""
    (south, west), (north, east) = CHINA_BOX
    return south <= point[0] <= north and west <= point[1] <= east


def _waves(angle: float, *waves: tuple[float, float]) -> float:
    """Sum of sines, each an amplitude in metres and half its period in degrees."""
    return sum(amplitude * sin(angle * pi / half) for amplitude, half in waves) * 2 / 3


def _shift(point: Point) -> Point:
    """How far GCJ-02 lies from WGS-84 at a WGS-84 point, in degrees north and east."""
    lat, lon = point
    x, y = lon - 105.0, lat - 35.0
    ripple_m = _waves(x, (20, 1 / 6), (20, 1 / 2))
    north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + ripple_m
    north_m += _waves(y, (20, 1), (40, 3), (160, 12), (320, 30))
    east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + ripple_m
    east_m += _waves(x, (20, 1), (40, 3), (150, 12), (300, 30))
    curvature = 1 - ECCENTRICITY_SQUARED * sin(radians(lat)) ** 2
    meridian_m = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / curvature**1.5
    parallel_m = SEMI_MAJOR_M / sqrt(curvature) * cos(radians(lat))
    return degrees(north_m / meridian_m), degrees(east_m / parallel_m)


def gcj02(wgs84: Point) -> Point:
    """WGS-84 to GCJ-02; outside China's box the two are the same."""
    if not in_china(wgs84):
        return wgs84
    north, east = _shift(wgs84)
    return wgs84[0] + north, wgs84[1] + east


def bd09(wgs84: Point) -> Point:
    """WGS-84 to BD-09."""
    y, x = gcj02(wgs84)
    radius = hypot(x, y) + 0.00002 * sin(y * BD09_TWIST)
    theta = atan2(y, x) + 0.000003 * cos(x * BD09_TWIST)
    return radius * sin(theta) + 0.006, radius * cos(theta) + 0.0065


_FROM_WGS84: dict[Crs, Callable[[Point], Point]] = {Crs.GCJ02: gcj02, Crs.BD09: bd09}


def to_wgs84(point: Point, crs: Crs) -> Point:
    """The WGS-84 point whose image in `crs` is `point`, to less than 1 cm.

    The images leave two thin seams at the box's edge (at sea or abroad) where no point or two
    points answer; there the result is within one shift (700 m) of the truth.
    """
    if crs is Crs.WGS84:
        return point
    forward, guess = _FROM_WGS84[crs], point
    for _ in range(MOST_ROUNDS):
        image = forward(guess)
        miss = point[0] - image[0], point[1] - image[1]
        guess = guess[0] + miss[0], guess[1] + miss[1]
        if max(map(abs, miss)) < CLOSE_ENOUGH_DEG:
            break
    return guess
