"""Who wears which bracelet, and by whose order, as the database has it now."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from correction_service.db import among
from devices.messages import Reason
from devices.wire import clock_fault
from models.case import ENDED, Case
from models.device import Binding, Device, Gateway
from models.order import PositioningOrder

Span = tuple[datetime, datetime]  # [from, until)


@dataclass(frozen=True, slots=True)
class Wearing:
    """A bracelet on one person's wrist, and when an order let it be followed there."""

    case_id: int
    bound_at: datetime
    unbound_at: datetime | None
    orders: tuple[Span, ...]

    def worn(self, at: datetime) -> bool:
        """Whether the person wore it at this moment."""
        return self.bound_at <= at and (self.unbound_at is None or at < self.unbound_at)

    def positioned(self, at: datetime) -> bool:
        """Whether an order was in force at this moment."""
        return any(since <= at < until for since, until in self.orders)


@dataclass(frozen=True, slots=True)
class Bracelet:
    """A registered device, the gateway that may speak for it, and whoever wore it."""

    id: int
    gateway_id: int
    gateway: str  # its name; "" while it is closed
    protocol: str  # that it is registered with: phones and strangers speak others (IM 37)
    wearings: tuple[Wearing, ...]

    def wearing(self, at: datetime) -> Wearing | None:
        """Whoever wore it at this moment."""
        return next((wearing for wearing in self.wearings if wearing.worn(at)), None)

    @property
    def worn_now(self) -> Wearing | None:
        """Whoever wears it."""
        return next((it for it in self.wearings if it.unbound_at is None), None)


def refusal_of_fix(bracelet: Bracelet, time: datetime, received: datetime) -> Reason | None:
    """Why a fix of this time must not be stored, by its own clock; None: it may."""
    if fault := clock_fault(time, received):
        return fault
    wearing = bracelet.wearing(time)
    if wearing is None:
        return Reason.UNBOUND
    return None if wearing.positioned(time) else Reason.NO_ORDER


def read(session: Session, names: Collection[str]) -> dict[str, Bracelet]:
    """The registered bracelets among `names`; an inactive gateway speaks for none."""
    return dict(_read(session, among(session, Device.name, names)))


def read_by_id(session: Session, device_ids: Collection[int]) -> dict[int, Bracelet]:
    """The same by the numbers of their rows."""
    return {
        bracelet.id: bracelet
        for _, bracelet in _read(session, among(session, Device.id, device_ids))
    }


def _read(session: Session, which: ColumnElement[bool]) -> Iterator[tuple[str, Bracelet]]:
    columns = (Device.id, Device.name, Device.gateway_id, Device.protocol, Gateway.active)
    devices = session.execute(
        select(*columns, Gateway.name.label("gateway")).join(Device.gateway).where(which)
    ).all()
    worn = _wearings(session, [device.id for device in devices])
    for row in devices:
        gateway = row.gateway if row.active else ""
        wearings = tuple(worn.get(row.id, ()))
        yield row.name, Bracelet(row.id, row.gateway_id, gateway, row.protocol.value, wearings)


def _wearings(session: Session, device_ids: Collection[int]) -> dict[int, list[Wearing]]:
    bindings = session.execute(
        select(
            Binding.device_id,
            Binding.case_id,
            Binding.bound_at,
            Binding.unbound_at,
            Case.state,
            Case.state_since,
        )
        .join(Binding.case)
        .where(among(session, Binding.device_id, device_ids))
        .order_by(Binding.bound_at)
    ).all()
    ended = {row.case_id: row.state_since for row in bindings if row.state in ENDED}
    orders = _orders(session, {row.case_id for row in bindings}, ended)
    found: dict[int, list[Wearing]] = {}
    for row in bindings:
        wearing = Wearing(
            row.case_id, row.bound_at, row.unbound_at, tuple(orders.get(row.case_id, ()))
        )
        found.setdefault(row.device_id, []).append(wearing)
    return found


def _orders(
    session: Session, case_ids: Collection[int], ended: dict[int, datetime]
) -> dict[int, list[Span]]:
    """Spans of orders by case: until the term, the lifting, or the end of the case (LCC 44)."""
    columns = PositioningOrder
    found: dict[int, list[Span]] = {}
    for row in session.execute(
        select(columns.case_id, columns.starts_at, columns.ends_at, columns.lifted_at).where(
            among(session, columns.case_id, case_ids)
        )
    ):
        ends = (row.ends_at, row.lifted_at, ended.get(row.case_id))
        until = min(end for end in ends if end is not None)
        found.setdefault(row.case_id, []).append((row.starts_at, until))
    return found
