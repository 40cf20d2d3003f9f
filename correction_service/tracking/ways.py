"""Gateways whose way to us is shut: of several worn bracelets none is heard. Nobody's silence.

A dead ingester of several, a gateway without network and a vendor's server that stands still look
alike from here. A bracelet counts as silent only if another of its gateway was heard well after it.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.casework.findings import Scope, silent_rows
from correction_service.tracking.outages import CROWD
from models.device import Binding, Device, DeviceState
from models.fix import Fix
from models.telemetry import GRACE

SAMPLE = 20  # bracelets heard last, which say for a gateway whether its way was open
LOOK_BACK = timedelta(days=1)
NEVER = datetime(1970, 1, 2, tzinfo=UTC)
OPEN_SHARE = 4  # a fourth of the span after which a bracelet is silent


def shut(session: Session, scope: Scope) -> dict[int, datetime]:
    """Return by gateway since when a bracelet's silence may be the gateway's.

    That is a grace before the last reading of any of its bracelets. What came in the latest grace
    is left out: after a shut way opens, one bracelet's kept readings come before another's. Only
    gateways with a silent bracelet and at least two worn.
    """
    grace = min(GRACE, timedelta(minutes=scope.settings.silent_minutes) / OPEN_SHARE)
    silent = silent_rows(scope).subquery()
    worn = (
        select(Device.gateway_id)
        .join(Binding, Binding.device_id == Device.id)
        .where(Binding.unbound_at.is_(None))
        .where(Device.gateway_id.in_(select(silent.c.gateway_id)))
        .group_by(Device.gateway_id)
        .having(func.count() >= CROWD)
    )
    return {
        gateway: _last_heard(session, gateway, scope.at - grace) - grace
        for gateway in session.scalars(worn)
    }


def quiet(session: Session, silent_since: datetime) -> set[int]:
    """Return the gateways of which several bracelets are worn and none was heard since a moment."""
    worn = (
        select(Device.gateway_id)
        .join(Binding, Binding.device_id == Device.id)
        .outerjoin(DeviceState, DeviceState.device_id == Device.id)
        .where(Binding.unbound_at.is_(None), Binding.bound_at < silent_since)
        .group_by(Device.gateway_id)
        .having(func.count() >= CROWD, func.max(DeviceState.heard_at) < silent_since)
    )
    return set(session.scalars(worn))


def _last_heard(session: Session, gateway: int, until: datetime) -> datetime:
    """Say when a bracelet of this gateway was heard last, up to a moment, or NEVER."""
    of = select(DeviceState.device_id).join(Device, Device.id == DeviceState.device_id)
    of = of.where(Device.gateway_id == gateway)
    at_rest = of.with_only_columns(func.max(DeviceState.heard_at)).where(
        DeviceState.heard_at <= until
    )
    since = of.where(DeviceState.heard_at > until).order_by(DeviceState.heard_at.desc())
    devices = session.scalars(since.limit(SAMPLE)).all()
    before = select(func.max(Fix.received)).where(
        Fix.device_id.in_(devices), Fix.time > until - LOOK_BACK, Fix.received <= until
    )
    found = (session.scalar(at_rest), session.scalar(before) if devices else None)
    return max((it for it in found if it is not None), default=NEVER)
