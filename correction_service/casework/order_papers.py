"""What goes with an order: word to the person, the procuratorate's copy, and assessments.

Each paper is owed from the decision on and stands in the list until it was sent; the receipt is
recorded apart, because a letter that was posted is not a letter that arrived.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from correction_service import outbox
from correction_service.messages import notices
from correction_service.scope import visible
from models.case import Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.order import PositioningOrder
from models.order_paper import OrderAssessment, OrderPaper, Paper
from models.user import Permission, User

MOST_FOUND = 2000


def owe(session: Session, order: PositioningOrder, now: datetime) -> None:
    """Note what a new order owes, and tell the person on their phone page."""
    session.add_all(OrderPaper(order=order, kind=kind) for kind in Paper)
    notices.queue(session, order.case, "order", now)
    session.flush()


def extended(session: Session, order: PositioningOrder) -> int | None:
    """The order that this one goes on from; refused unless it was assessed as still needed."""
    with session.no_autoflush:
        before = session.scalar(
            select(PositioningOrder).where(
                PositioningOrder.case_id == order.case.id,
                PositioningOrder.ends_at == order.starts_at,
                PositioningOrder.lifted_at.is_(None),
            )
        )
        assessed = latest(session, before) if before else None
    if before is None:
        return None
    if assessed is None or not assessed.needed:
        raise Refused(
            "An extension follows an assessment that it is still needed (LCC 29).",
            field="starts_on",
            code="not_assessed",
        )
    return before.id


def assess(
    session: Session,
    user: User,
    order: PositioningOrder,
    *,
    needed: bool,
    found: str,
    now: datetime,
) -> OrderAssessment:
    """Record whether an order that runs is still needed, and what that rests on."""
    if not order.in_force(now):
        raise Refused("Only an order in force is assessed.")
    if not found.strip():
        raise Invalid("Say what the assessment found.", field="found")
    if len(found) > MOST_FOUND:
        raise Invalid("At most 2000 characters fit here.", field="found")
    made = OrderAssessment(
        order_id=order.id, needed=needed, found=found.strip(), made_by=user.id, made_at=now
    )
    session.add(made)
    session.flush()
    outbox.live(session, order.case, "case", order.case_id, now)
    return made


def latest(session: Session, order: PositioningOrder) -> OrderAssessment | None:
    """The last assessment of an order."""
    of_this = select(OrderAssessment).where(OrderAssessment.order_id == order.id)
    return session.scalar(of_this.order_by(OrderAssessment.id.desc()).limit(1))


def send(session: Session, user: User, paper_id: int, number: str, now: datetime) -> OrderPaper:
    """Record that a paper has gone out."""
    paper = _paper_for(session, user, paper_id)
    paper.send(user.id, now, number)
    return _changed(session, paper, now)


def receive(session: Session, user: User, paper_id: int, note: str, now: datetime) -> OrderPaper:
    """Record that a paper has arrived, and how that is proved."""
    paper = _paper_for(session, user, paper_id)
    paper.receive(now, note)
    return _changed(session, paper, now)


def of(session: Session, case: Case) -> Sequence[OrderPaper]:
    """The papers of a case's orders."""
    query = select(OrderPaper).join(OrderPaper.order).where(PositioningOrder.case_id == case.id)
    return session.scalars(query.order_by(OrderPaper.id)).all()


def assessments(session: Session, case: Case) -> Sequence[OrderAssessment]:
    """The assessments of a case's orders, the latest first."""
    query = select(OrderAssessment).join(
        PositioningOrder, PositioningOrder.id == OrderAssessment.order_id
    )
    mine = query.where(PositioningOrder.case_id == case.id)
    return session.scalars(mine.order_by(OrderAssessment.id.desc())).all()


def _paper_for(session: Session, user: User, paper_id: int) -> OrderPaper:
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    query = select(OrderPaper).join(OrderPaper.order).join(PositioningOrder.case)
    seen = query.where(OrderPaper.id == paper_id, visible(user)).with_for_update(of=OrderPaper)
    order = joinedload(OrderPaper.order).joinedload(PositioningOrder.case)
    paper = session.scalar(seen.options(order))
    if paper is None:
        raise NotFound("There is no such paper in your offices.")
    return paper


def _changed(session: Session, paper: OrderPaper, now: datetime) -> OrderPaper:
    session.flush()
    outbox.live(session, paper.order.case, "case", paper.order.case_id, now)
    return paper
