"""Orders prepared by an officer: whole, checked as the law asks, waiting for the head (LCC 29).

Nothing begins with one. The head decides from it, as it stands or otherwise, or sends it back.
"""

from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased, joinedload

from correction_service import outbox
from correction_service.casework import orders
from correction_service.casework.order_facts import Fact
from correction_service.casework.orders import Wanted
from correction_service.scope import case_for, visible
from models.case import ENDED, Case
from models.errors import Forbidden, NotFound, Refused
from models.order_proposal import OrderProposal, ProposalState
from models.user import Permission, User


def prepare(
    session: Session, user: User, case_id: int, wanted: Wanted, now: datetime
) -> OrderProposal:
    """Prepare an order for the head; refused for what the head could not decide either."""
    case = case_for(session, user, case_id, Permission.SUPERVISE)
    session.refresh(case, with_for_update=True)
    if orders.waiting_of(session, case) is not None:
        raise Refused("An order of this case waits for the head already: take it back first.")
    order = orders.drawn(session, case, wanted, now)
    proposal = OrderProposal(
        case=case,
        ground=order.ground,
        evidence=order.evidence,
        facts=[[str(it.kind), it.subject_id, it.document] for it in order.facts],
        starts_on=wanted.starts_on,
        ends_on=wanted.ends_on,
        prepared_by=user.id,
        prepared_at=now,
        state=ProposalState.WAITING,
    )
    session.add(proposal)
    return _changed(session, proposal, now)


def send_back(
    session: Session, user: User, proposal_id: int, reason: str, now: datetime
) -> OrderProposal:
    """The head answers that it is to be otherwise, or not at all."""
    proposal = proposal_for(session, user, proposal_id, Permission.APPROVE_ORDERS)
    proposal.send_back(user.id, now, reason)
    return _changed(session, proposal, now)


def take_back(session: Session, user: User, proposal_id: int, now: datetime) -> OrderProposal:
    """Pursue it no further; anyone who supervises the case may."""
    proposal = proposal_for(session, user, proposal_id, Permission.SUPERVISE)
    proposal.take_back(user.id, now)
    return _changed(session, proposal, now)


def proposal_for(
    session: Session, user: User, proposal_id: int, permission: Permission
) -> OrderProposal:
    """A proposal that the user may act on; one of an unseen case does not exist for them."""
    if not user.may(permission):
        raise Forbidden("Your role does not include this.")
    query = select(OrderProposal).join(OrderProposal.case).where(visible(user))
    proposal = session.scalar(
        query.where(OrderProposal.id == proposal_id).with_for_update(of=OrderProposal)
    )
    if proposal is None:
        raise NotFound("There is no such order in your offices.")
    return proposal


def latest(session: Session, case: Case) -> OrderProposal | None:
    """The last that was prepared for a case, as long as something is still to be done about it."""
    query = select(OrderProposal).where(OrderProposal.case_id == case.id)
    last = session.scalar(query.order_by(OrderProposal.id.desc()).limit(1))
    pending = (ProposalState.WAITING, ProposalState.SENT_BACK)
    return last if last is not None and last.state in pending else None


def facts(proposal: OrderProposal) -> list[Fact]:
    """Its facts, as an order links them."""
    return [Fact(kind, subject_id, document or "") for kind, subject_id, document in proposal.facts]


def to_decide(user: User) -> Select[OrderProposal]:
    """What waits for the head, the oldest first."""
    return _pending(user, ProposalState.WAITING)


def sent_back(user: User) -> Select[OrderProposal]:
    """What came back and was neither prepared anew nor given up."""
    later = aliased(OrderProposal)
    anew = exists().where(later.case_id == OrderProposal.case_id, later.id > OrderProposal.id)
    return _pending(user, ProposalState.SENT_BACK).where(~anew)


def _pending(user: User, state: ProposalState) -> Select[OrderProposal]:
    query = select(OrderProposal).join(OrderProposal.case).where(visible(user))
    person = joinedload(OrderProposal.case).joinedload(Case.person)
    stands = query.where(OrderProposal.state == state, Case.state.not_in(ENDED))
    return stands.options(person).order_by(OrderProposal.id)


def _changed(session: Session, proposal: OrderProposal, now: datetime) -> OrderProposal:
    session.flush()
    outbox.live(session, proposal.case, "case", proposal.case_id, now)
    return proposal
