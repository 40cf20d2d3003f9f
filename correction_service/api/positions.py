"""Where people are, for maps: the county's outline, latest positions, one person's trail.

Coordinates leave in the datum of the configured tiles, which every answer names; without tiles
that is WGS-84.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import chain, pairwise
from typing import Any

import numpy as np
import shapely
from apiflask import APIBlueprint
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.audit import viewed
from correction_service.casework import worklist
from correction_service.people.cases import legal_day
from correction_service.scope import agency_ids, case_for, visible
from correction_service.tracking import trails
from correction_service.zones import boundaries
from devices.datum import Point, gcj02
from models import area
from models.agency import Agency, AgencyLevel, Office
from models.audit import AuditRecord
from models.case import Case
from models.device import Binding, DeviceState
from models.errors import Invalid, NotFound
from models.incident import Incident, Severity
from models.person import Person
from models.user import Permission, User
from models.zone import Zone, ZoneKind

blueprint = APIBlueprint("positions", __name__, url_prefix="/api/v1")

GAP = timedelta(minutes=10)  # longer without a position is drawn as a gap
LONGEST = timedelta(days=30)
WHOLE = timedelta(days=1)  # a longer trail is simplified
TOLERANCES_M = (10, 20, 50, 100, 200)
POINTS_MAX = 2000  # a map of more is slow; the coarsest tolerance may still give more
OLD = timedelta(minutes=30)  # as the zone engine: older than this says nothing of now
LOOK_COUNTS_FOR = timedelta(hours=1)
_WORST_FIRST = {Severity.URGENT: 0, Severity.SOON: 1, Severity.WATCH: 2}


class Position(BaseModel):
    """The latest position of someone under an order, and what is open about them."""

    case_id: int
    name: str
    lat: float
    lon: float
    accuracy_m: float | None
    source: str | None
    at: AwareDatetime
    heard_at: AwareDatetime
    battery: float | None = Field(description="0 to 1")
    severity: str | None = Field(description="of the gravest open incident: urgent, soon, watch")
    old: bool = Field(description="too old to say where the person is now")


class Positions(BaseModel):
    """Latest positions of the user's offices."""

    datum: str
    positions: list[Position]


class TrailPoint(BaseModel):
    """One position."""

    at: AwareDatetime
    lat: float
    lon: float
    accuracy_m: float | None
    source: str | None


class Gap(BaseModel):
    """A time without any position: nothing is known of it."""

    since: AwareDatetime
    until: AwareDatetime


class Trail(BaseModel):
    """Positions in order of time, cut wherever more than ten minutes have none."""

    datum: str
    tolerance_m: int = Field(
        description="positions this close to the line are left out; 0: none is"
    )
    segments: list[list[TrailPoint]]
    gaps: list[Gap]


class Span(BaseModel):
    """From when to when; at most 30 days."""

    since: AwareDatetime
    until: AwareDatetime


def datum() -> str:
    """Return the datum of the map: of its tiles, WGS-84 without tiles."""
    return access.service().settings.map_datum


def _place(lat: float, lon: float) -> Point:
    return gcj02((lat, lon)) if datum() == "gcj02" else (lat, lon)


def _shifted(geometry: dict[str, Any]) -> dict[str, Any]:
    """A GeoJSON geometry in the datum of the map."""
    if datum() != "gcj02":
        return geometry
    shape = shapely.geometry.shape(geometry)
    moved = shapely.transform(shape, _moved)
    found: dict[str, Any] = shapely.geometry.mapping(moved)
    return found


def _moved(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move an array of (longitude, latitude), shape (n, 2), from WGS-84 to GCJ-02."""
    return np.array([gcj02((lat, lon))[::-1] for lon, lat in places])


def _feature(geometry: dict[str, Any], **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


@blueprint.get("/outline")
@access.needs(Permission.SEE_CASES)
def outline() -> dict[str, Any]:
    """GeoJSON of the user's counties, of the rest of the home areas there, and of the offices."""
    user, on = access.user(), legal_day(access.now())
    with access.reading() as session:
        under = agency_ids(user.agency_id)
        counties = select(Agency).where(Agency.id.in_(under), Agency.level == AgencyLevel.COUNTY)
        names = {county.division: county.name for county in session.scalars(counties)}
        features = [
            _feature(_shifted(shape), kind="county" if code in names else "division", name=name)
            for code, name in (_home_divisions(session, user, on) | names).items()
            if (shape := _division(session, code, on)) is not None
        ]
        placed = (Office.lat.is_not(None), Office.lon.is_not(None))
        for office in session.scalars(select(Office).where(Office.agency_id.in_(under), *placed)):
            lat, lon = _place(office.lat or 0.0, office.lon or 0.0)
            point = {"type": "Point", "coordinates": [lon, lat]}
            features.append(_feature(point, kind="office", name=office.name))
    return {"type": "FeatureCollection", "datum": datum(), "features": features}


def _home_divisions(session: Session, user: User, on: date) -> dict[str, str]:
    """Divisions that visible cases are at home in, with names: inside the city is no departure."""
    current = or_(Zone.valid_to.is_(None), Zone.valid_to > access.now())
    homes = select(Zone.divisions).join(Zone.case).where(visible(user), current)
    codes = set(chain.from_iterable(session.scalars(homes.where(Zone.kind == ZoneKind.HOME))))
    return {code: boundaries.name_of(session, code, on) for code in sorted(codes)}


def _division(session: Session, division: str, on: date) -> dict[str, Any] | None:
    try:
        return boundaries.county_outline(session, division, on)
    except NotFound:
        return None  # a division without a known outline: the map goes without


@blueprint.get("/positions")
@access.needs(Permission.SEE_LOCATION)
@blueprint.output(Positions)
def positions() -> dict[str, Any]:
    """Latest positions of people who wear a bracelet now. Each look is logged, once an hour."""
    user, now = access.user(), access.now()
    with access.writing() as session:
        rows = _latest(session, user)
        _log_looks(session, user, {str(row.case_id) for row in rows}, now)
        severities = _severities(session, user)
        found = [_position(row, severities, now) for row in rows]
    return {"datum": datum(), "positions": found}


def _log_looks(session: Session, user: User, shown: set[str], now: datetime) -> None:
    """One record an hour for everyone on an open map, not one for every refresh."""
    lately = select(AuditRecord.subject_id).where(
        AuditRecord.actor_kind == "user",
        AuditRecord.actor_id == str(user.id),
        AuditRecord.action == "view_map",
        AuditRecord.at > now - LOOK_COUNTS_FOR,
    )
    viewed(
        session, "view_map", "supervised_case", *sorted(shown.difference(session.scalars(lately)))
    )


def _severities(session: Session, user: User) -> dict[int, Severity]:
    rows = worklist.open_incidents(user).with_only_columns(Incident.case_id, Incident.severity)
    worst_last = sorted(session.execute(rows), key=lambda row: -_WORST_FIRST[row.severity])
    return {row.case_id: row.severity for row in worst_last}


def _latest(session: Session, user: User) -> Sequence[Row[int, str, DeviceState]]:
    query = (
        select(Case.id.label("case_id"), Person.name, DeviceState)
        .join(Case.person)
        .join(Binding, Binding.case_id == Case.id)
        .join(DeviceState, DeviceState.device_id == Binding.device_id)
        .where(visible(user), Binding.unbound_at.is_(None), DeviceState.time >= Binding.bound_at)
    )
    return session.execute(query).all()


def _position(
    row: Row[int, str, DeviceState], severities: dict[int, Severity], now: datetime
) -> dict[str, Any]:
    state: DeviceState = row.DeviceState
    lat, lon = _place(state.lat or 0.0, state.lon or 0.0)
    return {
        "case_id": row.case_id,
        "name": row.name,
        "lat": lat,
        "lon": lon,
        "accuracy_m": state.accuracy_m,
        "source": state.source,
        "at": state.time,
        "heard_at": state.heard_at,
        "battery": state.battery,
        "severity": severities.get(row.case_id),
        "old": state.time is None or now - state.time > OLD,
    }


@blueprint.get("/cases/<int:case_id>/trail")
@access.needs(Permission.SEE_LOCATION)
@blueprint.input(Span, location="query")
@blueprint.output(Trail)
def trail(case_id: int, query_data: Span) -> dict[str, Any]:
    """Where someone was in a time; the look is logged."""
    if not timedelta() < query_data.until - query_data.since <= LONGEST:
        raise Invalid("Choose a time of at most 30 days.", field="until")
    with access.writing() as session:
        case_for(session, access.user(), case_id, Permission.SEE_LOCATION)
        fixes = trails.viewed_trail(session, case_id, query_data.since, query_data.until)
    tolerance_m, runs = _drawn(fixes, query_data.until - query_data.since)
    gaps = [(a[-1].time, b[0].time) for a, b in pairwise(runs)]
    return {
        "datum": datum(),
        "tolerance_m": tolerance_m,
        "segments": [[_point(fix) for fix in run] for run in runs],
        "gaps": [{"since": since, "until": until} for since, until in gaps],
    }


def _drawn(fixes: list[trails.Place], span: timedelta) -> tuple[int, list[list[trails.Place]]]:
    """A day as it is; what is longer by the finest tolerance that leaves a map quick."""
    if span <= WHOLE:
        return 0, trails.simplified(fixes, 0, GAP)
    for tolerance_m in TOLERANCES_M:
        runs = trails.simplified(fixes, tolerance_m, GAP)
        if sum(map(len, runs)) <= POINTS_MAX:
            break
    return tolerance_m, runs


def _point(fix: trails.Place) -> dict[str, Any]:
    lat, lon = _place(fix.lat, fix.lon)
    return {
        "at": fix.time,
        "lat": lat,
        "lon": lon,
        "accuracy_m": fix.accuracy_m,
        "source": fix.source,
    }


@blueprint.get("/cases/<int:case_id>/zones")
@access.needs(Permission.SEE_LOCATION)
def zones(case_id: int) -> dict[str, Any]:
    """GeoJSON of the zones of a case that ask something now or will."""
    with access.reading() as session:
        case_for(session, access.user(), case_id, Permission.SEE_LOCATION)
        current = or_(Zone.valid_to.is_(None), Zone.valid_to > access.now())
        rows = session.scalars(select(Zone).where(Zone.case_id == case_id, current))
        features = [
            _feature(_shifted(area.outline(zone)), kind=zone.kind.value, name=zone.name, id=zone.id)
            for zone in rows
        ]
    return {"type": "FeatureCollection", "datum": datum(), "features": features}
