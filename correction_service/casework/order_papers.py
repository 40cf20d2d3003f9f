"""What goes with an order: word to the person, the procuratorate's copy, and assessments.

Each paper is owed from the decision on and stands in the list until it was sent; the receipt is
recorded apart, because a letter that was posted is not a letter that arrived.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from correction_service import outbox
from correction_service.casework import findings
from correction_service.messages import notices
from correction_service.scope import visible
from models.case import Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.order import PositioningOrder
from models.order_evidence import OrderEvidence
from models.order_paper import OrderAssessment, OrderPaper, Paper
from models.user import Permission, User

MOST_FOUND = 2000


def owe(session: Session, order: PositioningOrder, now: datetime) -> None:
    """Note what a new order owes, and tell the person on their phone page."""
    session.add_all(OrderPaper(order=order, kind=kind) for kind in Paper)
    notices.queue(session, order.case, "order", now)
    session.flush()


def extended(session: Session, order: PositioningOrder) -> int | None:
    """The order that this one goes on from; refused unless it was assessed as still needed.

    That is the one that it begins with the end of, or the last that rested on one of its facts: a
    day between them makes the same facts no new ones.
    """
    follows = and_(
        PositioningOrder.ends_at == order.starts_at, PositioningOrder.lifted_at.is_(None)
    )
    earlier = (PositioningOrder.case_id == order.case.id, or_(follows, _rests_on(order.facts)))
    query = select(PositioningOrder).where(*earlier)
    with session.no_autoflush:
        before = session.scalar(query.order_by(PositioningOrder.ends_at.desc()).limit(1))
        assessed = latest(session, before) if before else None
    if before is None:
        return None
    if assessed is None or not assessed.needed:
        raise Refused(
            "An extension, or another order on the same facts, follows an assessment that it is "
            "still needed (LCC 29).",
            field="starts_on",
            code="not_assessed",
        )
    return before.id


def _rests_on(facts: Sequence[OrderEvidence]) -> ColumnElement[bool]:
    """Match orders under which one of these facts stands."""
    same = (
        and_(
            OrderEvidence.kind == fact.kind,
            OrderEvidence.subject_id == fact.subject_id
            if fact.subject_id is not None
            else OrderEvidence.document == fact.document,
        )
        for fact in facts
    )
    return exists().where(OrderEvidence.order_id == PositioningOrder.id, or_(*same))


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


def to_extend(user: User, now: datetime) -> Select[OrderAssessment]:
    """The last word on each order in force that is still needed and that nobody has extended.

    An extension is approved like the order itself (LCC 29), so it waits for who may approve orders.
    """
    last, next_order = aliased(OrderAssessment), aliased(PositioningOrder)
    of_each = select(func.max(last.id)).group_by(last.order_id)
    extended = exists().where(next_order.extends_id == PositioningOrder.id)
    query = select(OrderAssessment).join(OrderAssessment.order).join(PositioningOrder.case)
    waits = (OrderAssessment.needed, findings.in_force(now), ~extended)
    case = joinedload(OrderAssessment.order).joinedload(PositioningOrder.case)
    beside = (case.joinedload(Case.person), case.joinedload(Case.office))
    mine = query.where(OrderAssessment.id.in_(of_each), *waits, visible(user))
    return mine.options(*beside).order_by(PositioningOrder.ends_at)


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
