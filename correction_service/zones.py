"""Make and end zones. A zone is never redrawn: a change ends one and makes another."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import boundaries
from correction_service.scope import case_for
from devices.datum import Crs, to_wgs84
from models import area
from models.area import GeoJson
from models.case import ENDED, LEGAL_ZONE, Case
from models.errors import Invalid, NotFound, Refused
from models.user import Permission, User
from models.zone import Zone, ZoneKind, ZoneShape

MARGIN_M = (0.0, 1000.0)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a zone asks, besides where it lies; `hours` only for a curfew, like 22:00-06:00."""

    kind: ZoneKind
    name: str
    valid_from: datetime
    valid_to: datetime | None = None
    margin_m: float = 50.0
    hours: str | None = None
    made_by: int | None = None

    def check(self) -> None:
        """Refuse terms that cannot be kept."""
        if not self.name.strip():
            raise Invalid("A zone has a name.", field="name")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise Invalid("A zone ends after it begins.", field="valid_to")
        if not MARGIN_M[0] <= self.margin_m <= MARGIN_M[1]:
            raise Invalid("A margin is 0 to 1000 m.", field="margin_m")
        if (self.hours is not None) != (self.kind is ZoneKind.CURFEW):
            raise Invalid("A curfew zone has hours, and no other zone has.", field="hours")
        if self.hours is not None:
            area.curfew_hours(self.hours)


def home_of_divisions(
    session: Session,
    case: Case,
    codes: Sequence[str],
    *,
    valid_from: datetime,
    made_by: int | None = None,
) -> Zone:
    """The home area of a county, or of all districts of a city together (IM 26)."""
    wanted = sorted(set(codes))
    on = valid_from.astimezone(LEGAL_ZONE).date()
    geometry = boundaries.union(session, wanted, on)
    name = "、".join(boundaries.name_of(session, code, on) for code in wanted)
    terms = Terms(kind=ZoneKind.HOME, name=name, valid_from=valid_from, made_by=made_by)
    return _add(session, case, terms, Zone(shape=_shape(session, geometry), divisions=wanted))


def circle(
    session: Session,
    case: Case,
    terms: Terms,
    *,
    lat: float,
    lon: float,
    radius_m: float,
    crs: Crs = Crs.WGS84,
) -> Zone:
    """A round zone; degrees of `crs`."""
    lat, lon = to_wgs84((lat, lon), crs)
    area.circle(lat, lon, radius_m)  # refuses what is no circle in China
    return _add(session, case, terms, Zone(lat=lat, lon=lon, radius_m=radius_m, divisions=[]))


def drawn(
    session: Session, case: Case, terms: Terms, geojson: object, crs: Crs = Crs.WGS84
) -> Zone:
    """A zone drawn on a map or read from a file: GeoJSON in `crs`, mended where it can be."""
    shape = _shape(session, _to_wgs84(area.checked(geojson), crs))
    return _add(session, case, terms, Zone(shape=shape, divisions=[]))


def _shape(session: Session, geometry: GeoJson) -> ZoneShape:
    """The stored shape of this geometry, kept once however many zones have it."""
    digest = hashlib.sha256(json.dumps(geometry, sort_keys=True).encode()).digest()
    known = session.scalar(select(ZoneShape).where(ZoneShape.digest == digest))
    return known or ZoneShape(digest=digest, geometry=geometry)


def _to_wgs84(geometry: GeoJson, crs: Crs) -> GeoJson:
    if crs is Crs.WGS84:
        return geometry

    def moved(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([to_wgs84((lat, lon), crs)[::-1] for lon, lat in places])

    return area.as_geojson(shapely.transform(shapely.geometry.shape(geometry), moved))


def of(session: Session, case: Case) -> Sequence[Zone]:
    """All zones of a case, ended ones too, newest first."""
    return session.scalars(
        select(Zone).where(Zone.case_id == case.id).order_by(Zone.id.desc())
    ).all()


def zone_for(session: Session, user: User, zone_id: int) -> Zone:
    """A zone that the user may change; one of an unseen case does not exist for them."""
    zone = session.get(Zone, zone_id)
    if zone is None:
        raise NotFound("There is no such zone.")
    case_for(session, user, zone.case_id, Permission.SUPERVISE)
    return zone


def end(session: Session, zone: Zone, now: datetime) -> None:
    """The zone asks nothing from now on."""
    if zone.valid_to is not None and zone.valid_to <= now:
        raise Refused("This zone has ended already.")
    zone.valid_to = now
    session.flush()


def _add(session: Session, case: Case, terms: Terms, zone: Zone) -> Zone:
    terms.check()
    if case.state in ENDED:
        raise Refused("The case has ended: no zone is made for it.")
    zone.case = case
    zone.kind, zone.name, zone.hours = terms.kind, terms.name.strip(), terms.hours
    zone.margin_m, zone.made_by = terms.margin_m, terms.made_by
    zone.valid_from, zone.valid_to = terms.valid_from, terms.valid_to
    session.add(zone)
    session.flush()
    return zone
