"""What was turned away and why: counted and listed for those whose gateways it concerns."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from correction_service.scope import agency_ids
from models.device import Device, Gateway
from models.fix import Reject
from models.user import Permission, User


@dataclass(frozen=True)
class Reason:
    """How often something was turned away for one reason, and when last."""

    code: str
    times: int
    last: datetime


@dataclass(frozen=True)
class Turned:
    """Something turned away; `device` is None unless the user may know its name."""

    received: datetime
    gateway: str | None
    device: str | None
    hidden: bool
    seq: int | None
    reason: str
    times: int
    digest: str


def own(user: User) -> ColumnElement[bool]:
    """Match what the user's gateways said; administrators see also what no known gateway said."""
    mine = Reject.gateway.in_(select(Gateway.name).where(_below(user)))
    if not user.may(Permission.ADMINISTER):
        return mine
    known = select(Gateway.name)
    return or_(mine, Reject.gateway.is_(None), Reject.gateway.not_in(known))


def _below(user: User) -> ColumnElement[bool]:
    return Gateway.agency_id.in_(agency_ids(user.agency_id))


def by_reason(session: Session, user: User, since: datetime) -> list[Reason]:
    """Count by reason, the most frequent first."""
    times = func.sum(Reject.times)
    query = (
        select(Reject.reason, times, func.max(Reject.received))
        .where(Reject.received > since, own(user))
        .group_by(Reject.reason)
        .order_by(times.desc(), Reject.reason)
    )
    return [Reason(code, count, last) for code, count, last in session.execute(query)]


def latest(
    session: Session, user: User, limit: int, *, text: str = "", reason: str = ""
) -> list[Turned]:
    """List the newest; `text` is a part of a gateway's or of a device's name that they may know."""
    foreign = _foreign(user)
    query = select(Reject, foreign.label("foreign")).where(own(user))
    if reason:
        query = query.where(Reject.reason == reason)
    if text:
        in_device = Reject.device.contains(text, autoescape=True) & ~foreign
        query = query.where(or_(Reject.gateway.contains(text, autoescape=True), in_device))
    query = query.order_by(Reject.received.desc(), Reject.id.desc()).limit(limit)
    return [_turned(it, hidden=hidden) for it, hidden in session.execute(query)]


def _foreign(user: User) -> ColumnElement[bool]:
    """Match names of devices that are registered elsewhere."""
    elsewhere = select(Device.id).join(Device.gateway).where(Device.name == Reject.device)
    return elsewhere.where(~_below(user)).exists()


def _turned(reject: Reject, *, hidden: bool) -> Turned:
    return Turned(
        received=reject.received,
        gateway=reject.gateway,
        device=None if hidden else reject.device,
        hidden=hidden,
        seq=reject.seq,
        reason=reject.reason,
        times=reject.times,
        digest=reject.digest.hex(),
    )
