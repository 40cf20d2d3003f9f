"""Read bracelets with their wearers, orders, states and zones from the database, many at once."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, String, and_, or_, select
from sqlalchemy import type_coerce as as_type
from sqlalchemy.orm import Session

from correction_service.db import among
from models.case import Case
from models.device import Binding, Device, DeviceState, Gateway
from models.ground import Drawn
from models.order import PositioningOrder
from models.zone import Zone, ZoneShape

ENDED_ZONES_KEPT = timedelta(days=30)  # so that the states of zones that have ended end too

_BRACELET = (
    Device.name,
    Device.id,
    Device.gateway_id,
    Gateway.name.label("gateway"),
    Gateway.active,
    as_type(Device.protocol, String).label("protocol"),
    Binding.case_id,
    Binding.bound_at,
    PositioningOrder.starts_at,
    PositioningOrder.ends_at,
    PositioningOrder.lifted_at,
    as_type(Case.state, String).label("case_state"),
    Case.state_since,
    DeviceState.revision,
    DeviceState.heard_at,
    DeviceState.time,
    DeviceState.seq,
    DeviceState.lat,
    DeviceState.lon,
    DeviceState.accuracy_m,
    DeviceState.battery,
    DeviceState.source,
    DeviceState.strap_open,
    DeviceState.zones,
)
_ZONE = Zone.__table__.c  # columns of the table: the ORM's own handling of rows costs as much again
_DRAWN = [as_type(_ZONE[name], String) if name == "kind" else _ZONE[name] for name in Drawn._fields]


def bracelets(session: Session, names: Collection[str], now: datetime) -> list[Row[Any]]:
    """Registered bracelets among `names` with today's wearer, newest order begun, and state."""
    today = and_(Binding.device_id == Device.id, Binding.unbound_at.is_(None))
    begun = and_(PositioningOrder.case_id == Case.id, PositioningOrder.starts_at <= now)
    query = (
        select(*_BRACELET)
        .join(Device.gateway)
        .outerjoin(Binding, today)
        .outerjoin(Case, Case.id == Binding.case_id)
        .outerjoin(PositioningOrder, begun)
        .outerjoin(DeviceState, DeviceState.device_id == Device.id)
        .where(among(session, Device.name, names))
        .order_by(PositioningOrder.starts_at)
    )
    rows: Sequence[Row[Any]] = session.execute(query).all()  # type: ignore[assignment] # 24 types
    return list({row.name: row for row in rows}.values())


def worn(session: Session, gateways: Collection[str] = ()) -> Sequence[str]:
    """The bracelets that somebody wears now, of these gateways or of all, in order of number."""
    query = select(Device.name).join(Binding).where(Binding.unbound_at.is_(None))
    if gateways:
        query = query.join(Device.gateway).where(Gateway.name.in_(gateways))
    return session.scalars(query.order_by(Device.id)).all()


def zones(session: Session, cases: Collection[int], now: datetime) -> dict[int, list[Drawn]]:
    """Zones by case, in the order they were made; those that ended lately too."""
    lately = or_(Zone.valid_to.is_(None), Zone.valid_to > now - ENDED_ZONES_KEPT)
    query = select(_ZONE.case_id, *_DRAWN).where(among(session, Zone.case_id, cases), lately)
    found: dict[int, list[Drawn]] = {}
    for case_id, *drawn in session.execute(query.order_by(Zone.id)):
        found.setdefault(case_id, []).append(Drawn(*drawn))
    return found


def shape(session: Session, shape_id: int) -> dict[str, Any]:
    """The GeoJSON of a stored shape."""
    return session.get_one(ZoneShape, shape_id).geometry
