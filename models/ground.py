"""Zones made ready to judge positions, a whole batch of them at once.

Each zone is one element of a `PLACE` array. Circles are judged by arithmetic; shapes, which many
zones share, through `Grounds`. The border that judges lies `margin_m` to the wearer's advantage:
outside a home area, inside an exclusion zone; one too small for its margin keeps its own border,
so that there is no blind spot.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from models.area import METRES_A_DEGREE, GeoJson, Plane, curfew_hours, plane_of
from models.zone import ZoneKind, ZoneState

KINDS = (
    ZoneKind.HOME,
    ZoneKind.CURFEW,
    ZoneKind.EXCLUSION,
    ZoneKind.PLACE,
    ZoneKind.DESTINATION,
)
EXCLUDES = KINDS.index(ZoneKind.EXCLUSION)
_KIND = {kind.value: place for place, kind in enumerate(KINDS)}
NO_GROUND, NO_HOURS = -1, -1
FOREVER = np.iinfo(np.uint32).max
DAY_S = 86_400
LEGAL_OFFSET_S = 8 * 3600  # China keeps one time without summer time (since 1991)

PLACE = np.dtype(
    [
        ("zone_id", "u4"),
        ("kind", "u1"),  # place in KINDS
        ("ground", "i4"),  # place in Grounds; NO_GROUND: a circle
        ("lat", "f8"),  # degrees; of a circle's centre
        ("lon", "f8"),
        ("radius_m", "f4"),  # of the circle that judges
        ("border_m", "f4"),  # of the circle as it was drawn
        ("margin_m", "f4"),
        ("since", "u4"),  # in force, seconds since 1970
        ("until", "u4"),
        ("opens", "i4"),  # curfew, seconds of the local day; NO_HOURS: all day
        ("closes", "i4"),
        ("overdue", "?"),  # outside it a return from leave is overdue
    ]
)
Places = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Drawn(NamedTuple):
    """What of a stored zone makes its place: columns of the table `zone`, in this order."""

    id: int
    kind: str  # of ZoneKind
    shape_id: int | None
    lat: float | None
    lon: float | None
    radius_m: float | None
    margin_m: float
    hours: str | None
    valid_from: datetime
    valid_to: datetime | None
    leave_id: int | None = None


@dataclass(frozen=True, eq=False)
class Ground:
    """A shape in metres of its own plane: the border as drawn, and the one that judges."""

    plane: Plane
    border: BaseGeometry
    judging: BaseGeometry
    judging_line: BaseGeometry


class Grounds:
    """Shapes made ready, each once: a whole city has one home area, and making it takes 10 ms."""

    def __init__(self) -> None:
        self._at: dict[tuple[int, float], int] = {}
        self._all: list[Ground] = []
        self._columns: tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], Floats] | None = None

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, at: int) -> Ground:
        return self._all[at]

    def places(self, zones: Sequence[Drawn], shape: Callable[[int], GeoJson]) -> Places:
        """Zones as PLACE; `shape` gives the geometry of a shape that is new here."""
        found = np.empty(len(zones), dtype=PLACE)
        found["zone_id"] = [zone.id for zone in zones]
        found["kind"] = [_KIND[zone.kind] for zone in zones]
        found["margin_m"] = [zone.margin_m for zone in zones]
        found["lat"] = [zone.lat or 0.0 for zone in zones]
        found["lon"] = [zone.lon or 0.0 for zone in zones]
        found["border_m"] = [zone.radius_m or 0.0 for zone in zones]
        reach_m = np.where(found["kind"] == EXCLUDES, -found["margin_m"], found["margin_m"])
        judging_m = found["border_m"] + reach_m
        found["radius_m"] = np.where(judging_m > 0, judging_m, found["border_m"])
        found["ground"] = [
            NO_GROUND if zone.shape_id is None else self._ground(zone.shape_id, reach, shape)
            for zone, reach in zip(zones, reach_m.tolist(), strict=True)
        ]
        found["since"] = [int(zone.valid_from.timestamp()) for zone in zones]
        found["until"] = [
            FOREVER if it.valid_to is None else min(int(it.valid_to.timestamp()), FOREVER)
            for it in zones
        ]
        found["overdue"] = [
            zone.leave_id is not None and zone.kind == ZoneKind.HOME for zone in zones
        ]
        hours = np.array([_hours(zone.hours) for zone in zones]).reshape(-1, 2)
        found["opens"], found["closes"] = hours.T
        return found

    def _ground(self, shape_id: int, reach_m: float, shape: Callable[[int], GeoJson]) -> int:
        key = (shape_id, reach_m)
        if key not in self._at:
            self._at[key] = len(self._all)
            self._all.append(ready(shape(shape_id), reach_m))
            self._columns = None
        return self._at[key]

    def columns(self) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], Floats]:
        """Judging shapes, their lines, and (n, 4) planes: origin lon, lat, metres a degree."""
        if self._columns is None:
            planes = [(it.plane.lon, it.plane.lat, *it.plane.metres_a_degree) for it in self._all]
            self._columns = (
                np.array([it.judging for it in self._all]),
                np.array([it.judging_line for it in self._all]),
                np.array(planes),
            )
        return self._columns

    def beyond_m(self, place: np.void, lat: float, lon: float) -> float:
        """How far on the wrong side of the true border a position is; 0 on the right side."""
        if place["ground"] == NO_GROUND:
            away_m = _from_centre_m(place, lat, lon)
            inside, border_m = bool(away_m <= place["border_m"]), abs(away_m - place["border_m"])
        else:
            ground = self[place["ground"]]
            point = ground.plane.point(lat, lon)
            inside = bool(shapely.contains(ground.border, point))
            border_m = float(shapely.distance(shapely.boundary(ground.border), point))
        return float(border_m) if inside == (place["kind"] == EXCLUDES) else 0.0


def ready(geometry: GeoJson, reach_m: float) -> Ground:
    """A shape whose judging border lies `reach_m` outside its own, or inside where negative."""
    shape = shapely.from_geojson(json.dumps(geometry))
    plane = plane_of(shape)
    border = plane.project(shape)
    moved = shapely.buffer(border, reach_m)
    judging = border if moved.is_empty else moved
    line = shapely.boundary(judging)
    for prepared in (border, judging, line):
        shapely.prepare(prepared)
    return Ground(plane, border, judging, line)


def _hours(text: str | None) -> tuple[int, int]:
    if text is None:
        return NO_HOURS, NO_HOURS
    opens, closes = (_second_of_day(at) for at in curfew_hours(text))
    return opens, closes


def _second_of_day(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def broken_by(kind: int) -> ZoneState:
    """The state that breaks what a zone of this kind asks for."""
    return ZoneState.INSIDE if kind == EXCLUDES else ZoneState.OUTSIDE


def in_force(places: Places, at: Ints) -> npt.NDArray[np.bool_]:
    """Whether each zone asks anything at its moment (seconds since 1970)."""
    valid: npt.NDArray[np.bool_] = (places["since"] <= at) & (at < places["until"])
    if (places["opens"] == NO_HOURS).all():
        return valid
    local = (at + LEGAL_OFFSET_S) % DAY_S
    opens, closes = places["opens"], places["closes"]
    by_day = (opens <= local) & (local < closes)
    over_night = (local >= opens) | (local < closes)
    valid &= (opens == NO_HOURS) | np.where(opens < closes, by_day, over_night)
    return valid


def trespass_m(places: Places, grounds: Grounds, lat: Floats, lon: Floats) -> Floats:
    """How far on the wrong side of the border that judges each fix lies; 0 on the right side."""
    found = np.zeros(len(places))
    shaped = places["ground"] != NO_GROUND
    for kind, judge in ((~shaped, _by_circle), (shaped, _by_shape)):
        at = np.flatnonzero(kind)
        if at.size:
            found[at] = judge(places.take(at), grounds, lat[at], lon[at])
    return found


def _from_centre_m(places: Places | np.void, lat: Floats | float, lon: Floats | float) -> Floats:
    east = METRES_A_DEGREE * np.cos(np.radians(places["lat"]))
    metres: Floats = np.hypot((lon - places["lon"]) * east, (lat - places["lat"]) * METRES_A_DEGREE)
    return metres


def _by_circle(places: Places, _grounds: Grounds, lat: Floats, lon: Floats) -> Floats:
    outside_m = _from_centre_m(places, lat, lon) - places["radius_m"]
    wrong_m: Floats = np.where(places["kind"] == EXCLUDES, -outside_m, outside_m)
    return np.maximum(wrong_m, 0.0)


def _by_shape(places: Places, grounds: Grounds, lat: Floats, lon: Floats) -> Floats:
    """Boxes first, then one call for all shapes; distances only where they are asked for."""
    judging, lines, planes = grounds.columns()
    at = places["ground"]
    plane = planes[at]
    x, y = (lon - plane[:, 0]) * plane[:, 2], (lat - plane[:, 1]) * plane[:, 3]
    west, south, east, north = shapely.bounds(judging)[at].T
    near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
    inside = np.zeros(len(places), dtype=bool)
    inside[near] = shapely.contains_xy(judging[at[near]], x[near], y[near])
    found = np.zeros(len(places))
    wrong = np.flatnonzero(inside == (places["kind"] == EXCLUDES))
    found[wrong] = shapely.distance(lines[at[wrong]], shapely.points(x[wrong], y[wrong]))
    return found
