"""Bracelets to be taken back: whoever wears one without an order in force wears it without a law.

An order that ended or was lifted wants its bracelet removed at once (LCC 29); at a release or a
move the service unbinds it by itself, and the thing is still with the person.
"""

from datetime import datetime

from sqlalchemy import Select, exists, or_, select, true
from sqlalchemy.orm import Session, contains_eager, joinedload

from correction_service.hardware import bracelets
from correction_service.scope import agency_ids, visible
from models.case import Case
from models.device import Binding, Device, Gateway
from models.errors import Forbidden, NotFound, Refused
from models.order import PositioningOrder
from models.user import Permission, User


def due(user: User, now: datetime) -> Select[Binding]:
    """Bracelets of the user's agency that are out without an order, the longest first.

    An order that is to begin keeps its bracelet. An office has those of its people.
    """
    ordered = exists().where(
        PositioningOrder.case_id == Binding.case_id,
        PositioningOrder.ends_at > now,
        PositioningOrder.lifted_at.is_(None),
    )
    out = or_(Binding.unbound_at.is_not(None), ~ordered)
    beside = (
        contains_eager(Binding.device),
        contains_eager(Binding.case).options(joinedload(Case.person), joinedload(Case.office)),
    )
    found = _of(user).where(Binding.collected_at.is_(None), out).options(*beside)
    return found.order_by(Binding.unbound_at.is_(None), Binding.unbound_at, Binding.id)


def _of(user: User) -> Select[Binding]:
    query = select(Binding).join(Binding.device).join(Device.gateway).join(Binding.case)
    theirs = visible(user) if user.office_id is not None else true()
    return query.where(Gateway.agency_id.in_(agency_ids(user.agency_id)), theirs)


def collect(session: Session, user: User, binding_id: int, now: datetime) -> Binding:
    """Write down that an officer has the bracelet; one that is still bound comes off with it."""
    if not user.may(Permission.ENROL):
        raise Forbidden("Your role does not include this.")
    binding = session.scalar(due(user, now).where(Binding.id == binding_id))
    if binding is None:
        if session.scalar(_of(user).where(Binding.id == binding_id)) is None:
            raise NotFound("There is no bracelet of this id.")
        raise Refused("This bracelet is collected already, or its order is in force.")
    if binding.unbound_at is None:
        return bracelets.unbind(session, binding.device, now)
    binding.collected_at = now
    session.flush()
    return binding
