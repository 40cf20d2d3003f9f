"""Days of people as columns: at home, on trips in straight lines, with what they really did.

Everything is in metres (north, east) of one plane and seconds of a day. Three kinds of people try
three kinds of zone; each also does, now and then, what its zone forbids.
"""

from dataclasses import dataclass
from math import pi

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from devices.simulator.multitude import Floats
from devices.simulator.person import DRIVE_MPS, RIDE_MPS, WALK_MPS

PACES_MPS = np.array([WALK_MPS, RIDE_MPS, DRIVE_MPS])
HOUR_S = 3600.0
STAY_S = (0.5 * HOUR_S, 2 * HOUR_S)  # of somebody who does what the zone forbids
LEAVES, ENTERS, CROSSES = 0.5, 0.25, 0.25  # how many do so on a day
HOME_TRIP_M = (600.0, 3000.0)
PASSING_M, PASSING_HALF_M = (300.0, 3000.0), (0.0, 4000.0)
NEAR_BORDER_M, AT_BORDER_M = 2000.0, 100.0  # half of a county's people live between these
COMMUTE_MOST_M = 15_000.0
BEYOND_M = (1000.0, 8000.0)

Points = npt.NDArray[np.float64]  # (n, 2): metres north, east


@dataclass(frozen=True, slots=True)
class Trips:
    """One trip for some of the wearers: they leave, stay at their goal, and come home."""

    who: npt.NDArray[np.bool_]  # (n,)
    leave_s: Floats  # (n,), as all others
    goal: Points
    pace_mps: Floats
    stay_s: Floats


@dataclass(frozen=True, slots=True)
class Days:
    """One day of many people: their homes and their trips, in order of time and never at once."""

    home: Points
    trips: tuple[Trips, ...]

    def at(self, moments_s: Floats) -> tuple[Floats, Floats]:
        """Where everybody is, north and east in metres, at (steps, n) moments of the day."""
        time_s, places = self._waypoints()
        north, east = np.empty(moments_s.shape), np.empty(moments_s.shape)
        for who in range(len(self.home)):
            here = moments_s[:, who], time_s[who]
            north[:, who] = np.interp(*here, places[who, :, 0])
            east[:, who] = np.interp(*here, places[who, :, 1])
        return north, east

    def _waypoints(self) -> tuple[Floats, Points]:
        """When everybody turns, (n, turns), and where, (n, turns, 2)."""
        times, places = [np.zeros(len(self.home))], [self.home]
        for trip in self.trips:
            goal = np.where(trip.who[:, None], trip.goal, self.home)
            way_s = np.hypot(*(goal - self.home).T) / trip.pace_mps
            there_s = trip.leave_s + way_s
            back_s = there_s + trip.stay_s
            times += [trip.leave_s, there_s, back_s, back_s + way_s]
            places += [self.home, goal, goal, self.home]
        return np.stack(times, axis=1), np.stack(places, axis=1)


def at_home(dice: np.random.Generator, count: int) -> Days:
    """People at home, at the origin; half of them leave for a while, on foot or by car."""
    goal = _around(dice, dice.uniform(*HOME_TRIP_M, count))
    leaving = _forbidden(dice, LEAVES, goal, (HOUR_S, 18 * HOUR_S), PACES_MPS)
    return Days(np.zeros((count, 2)), (leaving,))


def passing_by(dice: np.random.Generator, count: int, radius_m: float) -> Days:
    """People who pass a circle around the origin twice a day, 0.3 to 3 km off; some enter it."""
    bearing = dice.uniform(0, 2 * pi, count)
    ahead = np.stack([np.cos(bearing), np.sin(bearing)], axis=1)
    aside = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    passing_m = PASSING_M[0] * (PASSING_M[1] / PASSING_M[0]) ** dice.random(count)  # more are near
    nearest = aside * (radius_m + passing_m)[:, None]
    home, goal = (
        nearest + sign * ahead * dice.uniform(*PASSING_HALF_M, count)[:, None] for sign in (-1, 1)
    )
    inside = _around(dice, radius_m * 0.6 * np.sqrt(dice.random(count)))
    everyone = np.ones(count, dtype=bool)
    pace = _drawn(dice, PACES_MPS[1:], count)
    passing = Trips(
        everyone, dice.uniform(7, 8, count) * HOUR_S, goal, pace, dice.uniform(1, 8, count) * HOUR_S
    )
    entering = _forbidden(dice, ENTERS, inside, (17.5 * HOUR_S, 19 * HOUR_S), PACES_MPS[1:])
    return Days(home, (passing, entering))


def in_county(dice: np.random.Generator, count: int, county: BaseGeometry) -> Days:
    """People who commute inside a county; some leave it by its nearest edge.

    `county` is in metres, x = north, y = east. Half of the people live within 2 km of the border.
    """
    safe = shapely.buffer(county, -AT_BORDER_M)
    fringe = shapely.difference(safe, shapely.buffer(county, -NEAR_BORDER_M))
    home = np.concatenate(
        [_within(dice, fringe, count // 2), _within(dice, safe, count - count // 2)]
    )
    work = _workplaces(dice, safe, home)
    commuting = Trips(
        np.ones(count, dtype=bool),
        dice.uniform(7, 8.5, count) * HOUR_S,
        work,
        _drawn(dice, PACES_MPS[1:], count),
        dice.uniform(7, 8.5, count) * HOUR_S,
    )
    beyond = _beyond(dice, county, home)
    crossing = _forbidden(dice, CROSSES, beyond, (18.5 * HOUR_S, 19.5 * HOUR_S), PACES_MPS[1:])
    return Days(home, (commuting, crossing))


def _forbidden(
    dice: np.random.Generator,
    share: float,
    goal: Points,
    leave_s: tuple[float, float],
    paces_mps: Floats,
) -> Trips:
    count = len(goal)
    return Trips(
        dice.random(count) < share,
        dice.uniform(*leave_s, count),
        goal,
        _drawn(dice, paces_mps, count),
        dice.uniform(*STAY_S, count),
    )


def _drawn(dice: np.random.Generator, among: Floats, count: int) -> Floats:
    drawn: Floats = among[dice.integers(len(among), size=count)]
    return drawn


def _around(dice: np.random.Generator, far_m: Floats) -> Points:
    bearing = dice.uniform(0, 2 * pi, len(far_m))
    return np.stack([far_m * np.cos(bearing), far_m * np.sin(bearing)], axis=1)


def _within(dice: np.random.Generator, area: BaseGeometry, count: int) -> Points:
    shapely.prepare(area)
    west, south, east, north = shapely.bounds(area)
    found = np.empty((0, 2))
    while len(found) < count:
        tried = dice.uniform((west, south), (east, north), (count * 4, 2))
        found = np.concatenate([found, tried[shapely.contains_xy(area, *tried.T)]])
    return found[:count]


def _workplaces(dice: np.random.Generator, area: BaseGeometry, home: Points) -> Points:
    """A place for each that a straight way inside the area leads to; home where none was found."""
    work = home.copy()
    shapely.prepare(area)
    for _ in range(8):
        idle = np.flatnonzero((work == home).all(axis=1))
        tried = home[idle] + _around(dice, dice.uniform(500, COMMUTE_MOST_M, len(idle)))
        ways = shapely.linestrings(np.stack([home[idle], tried], axis=1))
        good = shapely.contains(area, ways)
        work[idle[good]] = tried[good]
    return work


def _beyond(dice: np.random.Generator, county: BaseGeometry, home: Points) -> Points:
    """A goal on the far side of the nearest edge; a bend of the border may make it an inner one."""
    edge = shapely.get_coordinates(
        shapely.get_point(shapely.shortest_line(shapely.points(home), shapely.boundary(county)), 1)
    )
    way = edge - home
    length = np.hypot(*way.T)
    goal: Points = edge + way * (dice.uniform(*BEYOND_M, len(home)) / length)[:, None]
    return goal
