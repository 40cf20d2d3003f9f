"""Where someone was: read only through here, so that every look is in the log."""

from collections.abc import Iterator
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

import shapely
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from correction_service import history
from correction_service.audit import viewed
from models import area
from models.checkin import CheckIn
from models.device import Binding
from models.fix import SOURCES
from models.grid import STEPS
from models.packing import NULL, Columns
from models.zone import Zone

_SOURCES = dict(enumerate(SOURCES))
_STRAPS = {0: False, 1: True}


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
    worn = select(Binding.device_id, Binding.bound_at, Binding.unbound_at).where(
        Binding.case_id == case_id,
        Binding.bound_at < until,
        or_(Binding.unbound_at.is_(None), Binding.unbound_at > since),
    )
    places: list[Place] = []
    for device_id, bound_at, unbound_at in session.execute(worn):
        ends = min(until, unbound_at or until)
        fixes = history.fixes(session, device_id, max(since, bound_at), ends)
        places += _places(device_id, fixes)
    return sorted(places, key=lambda place: (place.time, place.seq))


def _places(device_id: int, fixes: Columns) -> Iterator[Place]:
    accuracy, unit = fixes["accuracy_m"].tolist(), STEPS["accuracy_m"]
    return map(
        Place,
        repeat(device_id),
        map(history.moment, fixes["time"].tolist()),
        fixes["seq"].tolist(),
        map(history.moment, fixes["received"].tolist()),
        (fixes["lat"] / STEPS["lat"]).tolist(),
        (fixes["lon"] / STEPS["lon"]).tolist(),
        (None if steps == NULL else steps / unit for steps in accuracy),
        map(_SOURCES.get, fixes["source"].tolist()),
        map(_STRAPS.get, fixes["strap_open"].tolist()),
    )


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
