"""The place that a leave was approved for, as a zone while the person should be there (LCC 27).

Outside it is no exit but something to watch: an officer asks, and it may be right. The first day
and the last belong to the journey, so a short leave opens no zone. The home area is part of it.
"""

from datetime import datetime, timedelta

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.zones import boundaries, destinations
from correction_service.zones.zone_shapes import stored
from models.area import as_geojson, outline, plane_of
from models.leave import Leave, LeaveState
from models.zone import BoundarySource, Zone, ZoneKind

JOURNEY = timedelta(hours=24)
MARGIN_M = 1000.0  # to the wearer's advantage: nobody has to know where a county ends
THIN_M = 200.0


def align(session: Session, leave: Leave, now: datetime) -> None:
    """Open the zone of a leave, or bring it to what became of the leave."""
    since = max(leave.starts_at + JOURNEY, now)
    until = leave.ends_at - JOURNEY if leave.state is LeaveState.APPROVED else now
    zone = _of(session, leave, now)
    if zone is not None:
        zone.valid_to = max(until, zone.valid_from)
    elif since < until:
        session.add(_made(session, leave, since, until))
    session.flush()


def _of(session: Session, leave: Leave, now: datetime) -> Zone | None:
    mine = (Zone.leave_id == leave.id, Zone.kind == ZoneKind.DESTINATION, Zone.valid_to > now)
    return session.scalar(select(Zone).where(*mine))


def _made(session: Session, leave: Leave, since: datetime, until: datetime) -> Zone:
    return Zone(
        case=leave.case,
        kind=ZoneKind.DESTINATION,
        name=destinations.called(leave.divisions),
        shape=stored(session, as_geojson(_area(session, leave))),
        divisions=leave.divisions,
        source=BoundarySource.ADMINISTRATIVE,
        margin_m=MARGIN_M,
        valid_from=since,
        valid_to=until,
        made_by=leave.approved_by,
        leave_id=leave.id,
    )


def _area(session: Session, leave: Leave) -> BaseGeometry:
    """The destination and the home areas together, thinned."""
    on = hours.local_day(leave.starts_at)
    counties = [
        boundaries.outline(session, it, on) for it in destinations.counties(leave.divisions)
    ]
    homes = select(Zone).where(Zone.leave_id == leave.id, Zone.kind == ZoneKind.HOME)
    parts = [*counties, *(shapely.geometry.shape(outline(it)) for it in session.scalars(homes))]
    whole = shapely.union_all(parts, grid_size=boundaries.STEP_DEG)
    plane = plane_of(whole)
    thin = shapely.simplify(plane.project(whole), THIN_M)
    return shapely.set_precision(plane.unproject(thin), 1e-5)
