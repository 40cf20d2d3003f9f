"""Positioning orders: decided by the head on a ground of the closed list, lifted at once (LCC 29).

An order needs no home zone: the law ties it to a ground and a term, and a bracelet under an order
without zones still gives a trail. The set-up page asks for the zone as its next step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.casework import order_facts, order_papers
from correction_service.casework.order_facts import Fact
from correction_service.scope import case_for, visible
from models.case import ENDED, LEGAL_ZONE, Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.order import Ground, PositioningOrder
from models.order_proposal import OrderProposal, ProposalState
from models.user import Permission, User


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an order is to say: on which ground and facts, from one legal day to the end of another.

    `evidence` is the facts in words.
    """

    ground: Ground
    evidence: str
    facts: Sequence[Fact]
    starts_on: date
    ends_on: date


def decide(
    session: Session, user: User, case_id: int, wanted: Wanted, now: datetime
) -> PositioningOrder:
    """Order positioning; an order of today starts now. It answers what an officer prepared.

    One that begins where another ends goes on from it, and wants an assessment that it is needed.
    """
    case = case_for(session, user, case_id)
    session.refresh(case, with_for_update=True)  # as who prepares one does
    order = drawn(session, case, wanted, now).approve(user, now)
    session.add(order)
    session.flush()
    prepared = waiting_of(session, case)
    if prepared is not None:
        prepared.ordered(user.id, now, order.id)
    order_papers.owe(session, order, now)
    outbox.live(session, case, "case", case.id, now)
    return order


def drawn(session: Session, case: Case, wanted: Wanted, now: datetime) -> PositioningOrder:
    """An order as the law lets it stand, without anybody's word and not yet stored; or refuse."""
    if case.state in ENDED:
        raise Refused("The case has ended.", field="case")
    if wanted.starts_on < now.astimezone(LEGAL_ZONE).date():
        raise Invalid("An order cannot start in the past.", field="starts_on")
    if wanted.ends_on > case.term_end:
        raise Invalid("An order ends with the term at the latest (LCC 44).", field="ends_on")
    order = PositioningOrder.drawn(
        case,
        ground=wanted.ground,
        evidence=wanted.evidence,
        facts=order_facts.linked(session, case, wanted.ground, wanted.facts),
        starts_at=max(_midnight(wanted.starts_on), now.astimezone(LEGAL_ZONE)),
        ends_at=_midnight(wanted.ends_on + timedelta(days=1)),
    )
    _refuse_overlap(session, order)
    order.extends_id = order_papers.extended(session, order)
    return order


def waiting_of(session: Session, case: Case) -> OrderProposal | None:
    """What an officer prepared for a case and the head has not answered, under lock."""
    waits = (OrderProposal.case_id == case.id, OrderProposal.state == ProposalState.WAITING)
    return session.scalar(select(OrderProposal).where(*waits).with_for_update())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=LEGAL_ZONE)


def _refuse_overlap(session: Session, order: PositioningOrder) -> None:
    end = func.coalesce(PositioningOrder.lifted_at, PositioningOrder.ends_at)
    with session.no_autoflush:
        other = session.scalar(
            select(PositioningOrder.id).where(
                PositioningOrder.case_id == order.case.id,
                PositioningOrder.starts_at < order.ends_at,
                end > order.starts_at,
            )
        )
    if other is not None:
        raise Refused(
            "Another order covers part of this time; an extension starts when it ends.",
            field="starts_on",
        )


def lift(session: Session, user: User, order_id: int, now: datetime) -> PositioningOrder:
    """End an order at once because it is no longer needed; anyone who supervises may."""
    order = order_for(session, user, order_id)
    if order.lifted_at is not None or order.ends_at <= now:
        raise Refused("This order has already ended.", code="already_ended")
    order.lifted_at = now
    session.flush()
    outbox.live(session, order.case, "case", order.case_id, now)
    return order


def order_for(session: Session, user: User, order_id: int) -> PositioningOrder:
    """An order that the user may act on; one of an unseen case does not exist for them."""
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    query = select(PositioningOrder).join(Case).where(PositioningOrder.id == order_id)
    order = session.scalar(query.where(visible(user)))
    if order is None:
        raise NotFound("There is no such order in your offices.")
    return order


def lift_all(session: Session, case: Case, now: datetime) -> None:
    """End every order of a case: on release nothing is tracked, whatever paper is open."""
    for order in of(session, case):
        if order.lifted_at is None and order.ends_at > now:
            order.lifted_at = now


def cut(session: Session, case: Case, end: datetime) -> None:
    """End every order of a case by `end`; what begins after it was never in force (LCC 44)."""
    for order in of(session, case):
        if order.starts_at >= end:
            order.lifted_at = min(order.starts_at, order.lifted_at or order.starts_at)
        else:
            order.ends_at = min(order.ends_at, end)


def of(session: Session, case: Case) -> Sequence[PositioningOrder]:
    """Return the orders of a case, the latest first."""
    query = select(PositioningOrder).where(PositioningOrder.case_id == case.id)
    return session.scalars(query.order_by(PositioningOrder.starts_at.desc())).all()


def in_force(session: Session, case: Case, at: datetime) -> PositioningOrder | None:
    """Return the order that covers a moment."""
    lifted = PositioningOrder.lifted_at
    return session.scalar(
        select(PositioningOrder).where(
            PositioningOrder.case_id == case.id,
            PositioningOrder.starts_at <= at,
            PositioningOrder.ends_at > at,
            or_(lifted.is_(None), lifted > at),
        )
    )
