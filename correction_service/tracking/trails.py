"""Where someone was: read only through here, so that every look is in the log."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import viewed
from correction_service.storage import history
from models import area
from models.case import Case
from models.checkin import CheckIn
from models.device import Binding
from models.fix import SOURCES
from models.grid import STEPS
from models.packing import NULL, Columns
from models.zone import Zone

_SOURCES = dict(enumerate(SOURCES))
_METRES = 111_195.0  # a degree of latitude
_STRAPS = {0: False, 1: True}


_WORN = (
    select(Binding.device_id, Binding.bound_at, Binding.unbound_at, Case.term_end)
    .join(Binding.case)
    .where(Binding.case_id == bindparam("case_id"), Binding.bound_at < bindparam("until"))
    .where(or_(Binding.unbound_at.is_(None), Binding.unbound_at > bindparam("since")))
)
_BY_TIME = attrgetter("time", "seq")


class Place(NamedTuple):
    """One stored fix: WGS-84 degrees, its own time and when it came."""

    device_id: int
    time: datetime
    seq: int
    received: datetime
    lat: float
    lon: float
    accuracy_m: float | None
    source: str | None
    strap_open: bool | None


def viewed_trail(session: Session, case_id: int, since: datetime, until: datetime) -> list[Place]:
    """Fixes of a case in [since, until) by time, whatever bracelets it wore; the look is logged.

    Hot and packed days read alike; `history.HistoryBroken` where a packed day cannot be read.
    """
    viewed(session, "view_trail", "supervised_case", case_id)
    return unseen_trail(session, case_id, since, until)


def unseen_trail(session: Session, case_id: int, since: datetime, until: datetime) -> list[Place]:
    """The same fixes for a rule to be tried on: what comes of it tells nobody a place."""
    given = {"case_id": case_id, "since": since, "until": until}
    worn = []
    for device_id, bound_at, unbound_at, term_end in session.execute(_WORN, given):
        ends = min(until, unbound_at or until, hours.day_end(term_end))  # past it: to be deleted
        begins = max(since, bound_at)
        fixes = history.fixes(session, device_id, begins, ends, names=Place._fields[1:])
        worn.append(_places(device_id, fixes))
    return worn[0] if len(worn) == 1 else sorted(chain.from_iterable(worn), key=_BY_TIME)


def _places(device_id: int, fixes: Columns) -> list[Place]:
    accuracy, unit = fixes["accuracy_m"].tolist(), STEPS["accuracy_m"]
    columns = zip(
        repeat(device_id),
        history.moments(fixes["time"]),
        fixes["seq"].tolist(),
        history.moments(fixes["received"]),
        (fixes["lat"] / STEPS["lat"]).tolist(),
        (fixes["lon"] / STEPS["lon"]).tolist(),
        [None if steps == NULL else steps / unit for steps in accuracy],
        map(_SOURCES.get, fixes["source"].tolist()),
        map(_STRAPS.get, fixes["strap_open"].tolist()),
        strict=False,  # a device's number goes on for ever
    )
    return list(map(tuple.__new__, repeat(Place), columns))  # Place(…) takes five times as long


def simplified(trail: Sequence[Place], tolerance_m: float, gap: timedelta) -> list[list[Place]]:
    """Cut a trail where more than `gap` has no fix, and leave out what a drawn line hardly shows.

    What stays are fixes as they were, the ends of each run among them; every other one lies within
    `tolerance_m` of its run's line (Douglas and Peucker 1973). 0 leaves out nothing.
    """
    if not trail:
        return []
    seconds = np.array([place.time.timestamp() for place in trail])
    runs = np.concatenate([[0], np.cumsum(np.diff(seconds) > gap.total_seconds())])
    kept = np.arange(len(trail))
    if tolerance_m > 0:
        kept = _hardly_missed(trail, runs, tolerance_m)
    cuts = np.flatnonzero(np.diff(runs[kept])) + 1
    return [[trail[place] for place in run] for run in np.split(kept, cuts)]


def _hardly_missed(
    trail: Sequence[Place], runs: NDArray[np.int64], tolerance_m: float
) -> NDArray[np.int64]:
    """Indices of the fixes that each run's line needs; each carries its index as its height."""
    lat, lon = (np.array([getattr(place, name) for place in trail]) for name in ("lat", "lon"))
    east = lon * np.cos(np.radians(lat.mean()))
    points = np.column_stack([east * _METRES, lat * _METRES, np.arange(len(trail))])
    alone = np.bincount(runs)[runs] == 1  # no line
    numbers = np.unique(runs[~alone], return_inverse=True)[1]
    lines = shapely.linestrings(points[~alone], indices=numbers)
    slim = shapely.simplify(lines, tolerance_m, preserve_topology=False)
    heights = shapely.get_coordinates(slim, include_z=True)[:, 2]
    return np.sort(np.concatenate([np.flatnonzero(alone), heights.astype(np.int64)]))


class Beside(NamedTuple):
    """A zone as it lies to a place: inside it or not, and how far its border is."""

    zone: Zone
    inside: bool
    border_m: float


def viewed_checkin(session: Session, checkin: CheckIn) -> list[Beside]:
    """How a check-in's own position lies to the zones of then; the look is logged."""
    viewed(session, "view_place", "checkin", checkin.id)
    if checkin.lat is None or checkin.lon is None:
        return []
    began = (Zone.case_id == checkin.case_id, Zone.valid_from <= checkin.at)
    then = or_(Zone.valid_to.is_(None), Zone.valid_to > checkin.at)
    zones = session.scalars(select(Zone).where(*began, then).order_by(Zone.id))
    return [_beside(zone, checkin.lat, checkin.lon) for zone in zones]


def _beside(zone: Zone, lat: float, lon: float) -> Beside:
    shape = shapely.geometry.shape(area.outline(zone))
    plane = area.plane_of(shape)
    border, point = plane.project(shape), plane.point(lat, lon)
    inside = bool(shapely.contains(border, point))
    return Beside(zone, inside, float(shapely.distance(shapely.boundary(border), point)))
