"""A simulated day of many people with a zone each: what they did, and what was heard of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import cos, radians
from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from correction_service.zones import boundaries
from devices.simulator import journeys
from devices.simulator.ground import METRES_PER_DEGREE
from devices.simulator.journeys import Days
from devices.simulator.multitude import Bools, Floats, Radios, Sensors, Sources
from models.area import GeoJson, as_geojson
from models.ground import Drawn
from models.zone import ZoneKind

TUNING_SEEDS = range(1000, 2000)  # for whoever looks for parameters
MEASURING_SEEDS = range(9100, 10_000)  # for figures, and for nothing else
PEOPLE, STEPS, STEP_S = 2000, 1440, 60
LAT, LON = 27.72, 106.92
START = datetime(2026, 11, 20, tzinfo=UTC)
MARGIN_M = 50.0
COUNTY = "520303"
EAST = METRES_PER_DEGREE * cos(radians(LAT))


class Setting(NamedTuple):
    """A kind of zone and of people. Positions are metres north and east of (LAT, LON)."""

    zone: Drawn
    days: Callable[[np.random.Generator, int], Days]
    wrong: Callable[[Floats, Floats], Bools]  # whether a position breaks what the zone asks
    border_m: Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Crowd:
    """(steps, people) columns of one day; moments are seconds since 1970."""

    at_s: Floats
    heard_s: Floats
    live: Bools  # arrived, and before every later one of the same bracelet
    north_m: Floats  # as measured
    east_m: Floats
    accuracy_m: Floats
    source: Sources
    wrong: Bools  # what is true
    since_s: Floats  # when a stay on the wrong side began; NaN but at its first step

    @property
    def lat(self) -> Floats:
        """Measured degrees north."""
        return LAT + self.north_m / METRES_PER_DEGREE

    @property
    def lon(self) -> Floats:
        """Measured degrees east."""
        return LON + self.east_m / EAST


@cache
def outline() -> BaseGeometry:
    """The county in degrees, x = longitude."""
    return boundaries._packaged(boundaries.divisions()[COUNTY].row)  # noqa: SLF001 - without a database


def shape(_id: int) -> GeoJson:
    """The county, for zones that are shapes."""
    return as_geojson(outline())


def lived(setting: Setting, seed: int, people: int = PEOPLE) -> Crowd:
    """One day of a crowd, the same for the same seed."""
    dice = np.random.default_rng(seed)
    days = setting.days(dice, people)
    phase_s = np.floor(dice.uniform(0, STEP_S, people))
    moments_s = np.arange(0.0, STEPS * STEP_S, STEP_S)[:, None] + phase_s
    north, east = days.at(moments_s)
    still = np.ones(north.shape, dtype=bool)
    still[1:] = (np.diff(north, axis=0) == 0) & (np.diff(east, axis=0) == 0)
    sensors, radios = Sensors(dice, people), Radios(dice, people)
    read = [sensors.measure(STEP_S, indoors=row) for row in still]
    carried = [radios.carry(row, STEP_S) for row in moments_s]
    off_north, off_east, accuracy_m, source = (np.array(it) for it in zip(*read, strict=True))
    kept, heard_s = (np.array(it) for it in zip(*carried, strict=True))
    wrong = setting.wrong(north, east)
    epoch_s = np.float64(START.timestamp())
    return Crowd(
        at_s=moments_s + epoch_s,
        heard_s=heard_s + epoch_s,
        live=_live(kept, heard_s),
        north_m=north + off_north,
        east_m=east + off_east,
        accuracy_m=accuracy_m,
        source=source,
        wrong=wrong,
        since_s=_crossings(setting, wrong, (north, east), moments_s) + epoch_s,
    )


def _live(kept: Bools, heard_s: Floats) -> Bools:
    """What the live fold sees: late fixes are for a replay of the past, and not counted here."""
    arrives = np.where(kept, heard_s, np.inf)
    soonest_later = np.minimum.accumulate(arrives[::-1])[::-1]
    live = kept.copy()
    live[:-1] &= arrives[:-1] <= soonest_later[1:]
    return live


def _crossings(
    setting: Setting, wrong: Bools, place: tuple[Floats, Floats], moments_s: Floats
) -> Floats:
    """The second at which the border was crossed, between the two steps around it."""
    found = np.full(wrong.shape, np.nan)
    step, who = np.nonzero(wrong[1:] & ~wrong[:-1])
    before, after = (setting.border_m(*(it[step + at, who] for it in place)) for at in (0, 1))
    began, took = moments_s[step, who], moments_s[step + 1, who] - moments_s[step, who]
    found[step + 1, who] = began + took * before / np.maximum(before + after, 1e-9)
    return found


def _zone(kind: ZoneKind, radius_m: float | None) -> Drawn:
    since = START - timedelta(days=1)
    if radius_m is None:
        return Drawn(1, kind, 1, None, None, None, MARGIN_M, None, since, None)
    return Drawn(1, kind, None, LAT, LON, radius_m, MARGIN_M, None, since, None)


def _circle(kind: ZoneKind, radius_m: float, days: Callable[..., Days]) -> Setting:
    excludes = kind is ZoneKind.EXCLUSION
    return Setting(
        _zone(kind, radius_m),
        days,
        lambda north, east: (np.hypot(north, east) > radius_m) != excludes,
        lambda north, east: np.abs(np.hypot(north, east) - radius_m),
    )


@cache
def county() -> BaseGeometry:
    """The county in metres, x = north, y = east."""
    scale = np.array([EAST, METRES_PER_DEGREE])
    return shapely.transform(outline(), lambda at: ((at - (LON, LAT)) * scale)[:, ::-1])


def _in_county() -> Setting:
    area, line = county(), shapely.boundary(county())
    for it in (area, line):
        shapely.prepare(it)
    return Setting(
        _zone(ZoneKind.HOME, None),
        lambda dice, people: journeys.in_county(dice, people, area),
        lambda north, east: ~shapely.contains_xy(area, north, east),
        lambda north, east: np.asarray(shapely.distance(line, shapely.points(north, east))),
    )


SETTINGS: dict[str, Callable[[], Setting]] = {
    "home100": lambda: _circle(ZoneKind.HOME, 100, journeys.at_home),
    "home200": lambda: _circle(ZoneKind.HOME, 200, journeys.at_home),
    "exclusion500": lambda: _circle(
        ZoneKind.EXCLUSION, 500, lambda dice, people: journeys.passing_by(dice, people, 500)
    ),
    "county": _in_county,
}
