"""How many bracelets are known, heard and silent; and how long the log waits to be sealed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.casework import findings
from correction_service.sealer import unsealed
from correction_service.settings import Settings
from correction_service.tracking import outages
from models.audit import AuditRecord
from models.device import Device, DeviceState

LATELY = timedelta(minutes=5)


@dataclass(frozen=True)
class Census:
    """Bracelets in the register, heard in five minutes, and silent though worn under an order."""

    registered: int
    heard: int
    silent: int


def count(
    session: Session, now: datetime, settings: Settings, whose: ColumnElement[bool] | None = None
) -> Census:
    """Count the bracelets of gateways that match `whose`, or of all."""
    mine = true() if whose is None else whose
    of = select(func.count()).select_from(Device).join(Device.gateway).where(mine)
    lately = of.join(DeviceState, DeviceState.device_id == Device.id)
    scope = findings.Scope(hours.local_day(now), now, now, settings, outages.deaf(session, now))
    silent = findings.silent_rows(scope).where(mine).subquery()
    return Census(
        registered=session.scalars(of).one(),
        heard=session.scalars(lately.where(DeviceState.heard_at > now - LATELY)).one(),
        silent=session.scalars(select(func.count()).select_from(silent)).one(),
    )


def unsealed_s(session: Session, now: datetime) -> float:
    """Return the age of the oldest record of the log that waits for its seal; seconds."""
    oldest = session.scalar(select(func.min(AuditRecord.at)).where(unsealed()))
    return (now - oldest).total_seconds() if oldest else 0.0
