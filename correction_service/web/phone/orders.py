"""My orders for a bracelet: ground, days and who decided, what wearing it asks, how to object.

Left out are the facts in an officer's words: they may name others, a victim first of all, and
somebody may look over the reader's shoulder. The written decision, handed over in person, has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.casework import orders
from correction_service.people import cases
from correction_service.web.phone.frame import blueprint
from models.case import ENDED
from models.order import PositioningOrder
from models.user import User


class Standing(StrEnum):
    """Where an order stands at a moment."""

    TO_COME = "to_come"
    IN_FORCE = "in_force"
    OVER = "over"
    LIFTED = "lifted"
    NEVER = "never"


CURRENT = frozenset({Standing.TO_COME, Standing.IN_FORCE})
STANDINGS = {
    Standing.TO_COME: _l("It has not begun"),
    Standing.IN_FORCE: _l("In force now"),
    Standing.OVER: _l("It has ended"),
    Standing.LIFTED: _l("It was lifted early"),
    Standing.NEVER: _l("It was lifted before it began"),
}


@dataclass(frozen=True)
class Shown:
    """An order as the person reads it, in legal days; `last_day` is as decided, lifted or not."""

    order: PositioningOrder
    standing: Standing
    first_day: date
    last_day: date
    lifted_on: date | None
    decided_on: date
    decided_by: str
    extended: bool


@blueprint.get("/orders")
@access.person_only
def my_orders() -> ResponseReturnValue:
    """Show every order, the latest first, and what one that runs or is to come asks."""
    with access.reading() as session:
        case = cases.latest_case(session, access.person_id())
        found = shown(session, orders.of(session, case), access.now())
        return render_template(
            "phone/orders.html",
            orders=found,
            standings=STANDINGS,
            current=any(it.standing in CURRENT for it in found),
            open=case.state not in ENDED,
        )


def shown(session: Session, found: Sequence[PositioningOrder], now: datetime) -> list[Shown]:
    """The orders of a case with their standing, and the agency whose head approved each."""
    extended = {it.extends_id for it in found}
    return [
        Shown(
            order=it,
            standing=standing(it, now),
            first_day=hours.local_day(it.starts_at),
            last_day=hours.last_day(it.ends_at),
            lifted_on=hours.local_day(it.lifted_at) if it.lifted_at else None,
            decided_on=hours.local_day(it.approved_at),
            decided_by=session.get_one(User, it.approved_by).agency.name,
            extended=it.id in extended,
        )
        for it in found
    ]


def standing(order: PositioningOrder, now: datetime) -> Standing:
    """Where an order stands; one lifted before its first moment never ran."""
    if order.lifted_at is not None:
        return Standing.NEVER if order.lifted_at <= order.starts_at else Standing.LIFTED
    if now < order.starts_at:
        return Standing.TO_COME
    return Standing.IN_FORCE if order.in_force(now) else Standing.OVER
