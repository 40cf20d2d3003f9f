"""Where someone was: read only through here, so that every look is in the log."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from correction_service.audit import viewed
from models.device import Binding
from models.fix import Fix


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
    """Fixes of a case in [since, until) by time, whatever bracelets it wore; the look is logged."""
    viewed(session, "view_trail", "supervised_case", case_id)
    worn = and_(
        Fix.device_id == Binding.device_id,
        Fix.time >= Binding.bound_at,
        or_(Binding.unbound_at.is_(None), Fix.time < Binding.unbound_at),
    )
    query = (
        select(*(getattr(Fix, name) for name in Place._fields))
        .join(Binding, worn)
        .where(Binding.case_id == case_id, Fix.time >= since, Fix.time < until)
        .order_by(Fix.time, Fix.seq)
    )
    return [Place(*row) for row in session.execute(query)]
