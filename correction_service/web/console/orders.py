"""A person's positioning orders: the ground with its facts, assessments, and what each one owes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.casework import (
    order_facts,
    order_papers,
    order_proposals,
    orders,
    prohibitions,
)
from correction_service.casework.order_facts import Fact
from correction_service.casework.orders import Wanted
from correction_service.forms import wordings
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from models.errors import DomainError, Invalid, NotFound
from models.order import Ground, PositioningOrder
from models.order_evidence import BY_ID, EvidenceKind
from models.order_proposal import OrderProposal, ProposalState
from models.user import Permission, User

blueprint = APIBlueprint("orders", __name__, url_prefix="/cases", enable_openapi=False)
ON_PAPER = [kind for kind in EvidenceKind if kind not in BY_ID]


@blueprint.get("/<int:case_id>/orders")
@access.needs(Permission.SEE_CASES)
def page(case_id: int) -> ResponseReturnValue:
    """Show the orders of a case and what each rests on."""
    return _shown(case_id)


def _shown(case_id: int, refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        head = head_of(session, case_id)
        case = head["case"]
        found = orders.of(session, case)
        prepared = order_proposals.latest(session, case)
        start = _start(found, prepared)
        page = render_template(
            "console/case/orders.html",
            **head,
            tab="decisions",
            orders=found,
            prepared=prepared,
            waiting=prepared is not None and prepared.state is ProposalState.WAITING,
            papers=order_papers.of(session, case),
            forms={it.id: wordings.of_order(session, it.id, access.now()) for it in found},
            assessments=order_papers.assessments(session, case),
            candidates=order_facts.candidates(session, case),
            prohibitions=prohibitions.of(session, case.id),
            grounds=words.options(Ground),
            on_paper=[(kind.value, words.word(kind)) for kind in ON_PAPER],
            values=request.form if refusal else start,
            chosen=request.form.getlist("fact") if refusal else start.get("facts", []),
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


def _start(
    found: Sequence[PositioningOrder], prepared: OrderProposal | None
) -> dict[str, str | list[str]]:
    """What the form starts from: what was prepared, else the order that is to be extended."""
    if prepared is None:
        return {**_extension(found)}
    facts = order_proposals.facts(prepared)
    papers = [fact for fact in facts if fact.subject_id is None]
    start = {
        "ground": prepared.ground.value,
        "evidence": prepared.evidence,
        "facts": [f"{it.kind}:{it.subject_id}" for it in facts if it.subject_id is not None],
        "starts_on": max(prepared.starts_on, hours.local_day(access.now())).isoformat(),
        "ends_on": prepared.ends_on.isoformat(),
    }
    if papers:
        start |= {"document_kind": papers[0].kind, "document": papers[0].document}
    return start


def _extension(found: Sequence[PositioningOrder]) -> dict[str, str]:
    """What an extension starts from: the ground and the facts of the order that it goes on from."""
    chosen = request.args.get("extends", type=int)
    order = next((it for it in found if it.id == chosen), None)
    if order is None:
        return {}
    begins = hours.local_day(order.ends_at).isoformat()
    return {"ground": order.ground.value, "evidence": order.evidence, "starts_on": begins}


@blueprint.post("/<int:case_id>/orders")
@access.needs(Permission.APPROVE_ORDERS)
def decide(case_id: int) -> ResponseReturnValue:
    """Order positioning; a refusal shows at its field and what was typed stays."""
    message = _l("The order is decided. The person is told; the copy is owed.")
    return _sent(case_id, orders.decide, message)


@blueprint.post("/<int:case_id>/orders/prepare")
@access.needs(Permission.SUPERVISE)
def prepare(case_id: int) -> ResponseReturnValue:
    """Prepare an order for the head, by the same form."""
    return _sent(case_id, order_proposals.prepare, _l("Prepared. It waits for the head."))


def _sent(
    case_id: int, act: Callable[[Session, User, int, Wanted, datetime], object], message: LazyString
) -> ResponseReturnValue:
    try:
        with access.writing() as session:
            act(session, access.user(), case_id, _wanted(), access.now())
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return _shown(case_id, refusal)
    flash(str(message), "good")
    return redirect(_back(case_id))


def _wanted() -> Wanted:
    return Wanted(
        ground=typed.one_of(Ground, "ground"),
        evidence=request.form.get("evidence", ""),
        facts=list(_facts()),
        starts_on=typed.day("starts_on"),
        ends_on=typed.day("ends_on"),
    )


@blueprint.post("/<int:case_id>/orders/prepared/<int:proposal_id>/send-back")
@access.needs(Permission.APPROVE_ORDERS)
def send_back(case_id: int, proposal_id: int) -> ResponseReturnValue:
    """Answer what was prepared with what is missing."""
    return acts.done(
        lambda session: order_proposals.send_back(
            session, access.user(), proposal_id, acts.note(), access.now()
        ),
        _l("Sent back. Who prepared it finds your reason on the list."),
        _back(case_id),
    )


@blueprint.post("/<int:case_id>/orders/prepared/<int:proposal_id>/take-back")
@access.needs(Permission.SUPERVISE)
def take_back(case_id: int, proposal_id: int) -> ResponseReturnValue:
    """Pursue it no further."""
    return acts.done(
        lambda session: order_proposals.take_back(
            session, access.user(), proposal_id, access.now()
        ),
        _l("Taken back. Nothing was ordered."),
        _back(case_id),
    )


def _facts() -> Iterator[Fact]:
    """What was ticked and what was typed."""
    for ticked in request.form.getlist("fact"):
        kind, _, number = ticked.partition(":")
        if not number.isdecimal():
            raise Invalid("Choose one of the list.", field="facts")
        yield Fact(kind, int(number))
    if request.form.get("document", "").strip():
        yield Fact(request.form.get("document_kind", ""), None, request.form["document"])


@blueprint.post("/<int:case_id>/orders/<int:order_id>/assess")
@access.needs(Permission.SUPERVISE)
def assess(case_id: int, order_id: int) -> ResponseReturnValue:
    """Record whether it is still needed; one that is not is to be lifted at once."""
    needed = request.form.get("needed") == "1"

    def act(session: Session) -> None:
        order = _order(session, case_id, order_id)
        found = acts.note()
        order_papers.assess(
            session, access.user(), order, needed=needed, found=found, now=access.now()
        )

    message = _l("The assessment is recorded.")
    if not needed:
        message = _l("The assessment is recorded. What is not needed is lifted at once (LCC 29).")
    return acts.done(act, message, _back(case_id))


@blueprint.post("/<int:case_id>/orders/<int:order_id>/lift")
@access.needs(Permission.SUPERVISE)
def lift(case_id: int, order_id: int) -> ResponseReturnValue:
    """End an order that is no longer needed."""

    def act(session: Session) -> None:
        _order(session, case_id, order_id)
        orders.lift(session, access.user(), order_id, access.now())

    return acts.done(
        act, _l("The order is lifted. No position is stored any more."), _back(case_id)
    )


@blueprint.post("/<int:case_id>/orders/papers/<int:paper_id>/send")
@access.needs(Permission.SUPERVISE)
def send(case_id: int, paper_id: int) -> ResponseReturnValue:
    """Record that a paper has gone out."""
    number = request.form.get("number", "")
    return acts.done(
        lambda session: order_papers.send(session, access.user(), paper_id, number, access.now()),
        _l("Written down."),
        _back(case_id),
    )


@blueprint.post("/<int:case_id>/orders/papers/<int:paper_id>/receive")
@access.needs(Permission.SUPERVISE)
def receive(case_id: int, paper_id: int) -> ResponseReturnValue:
    """Record that a paper has arrived."""
    proof = request.form.get("number", "")
    return acts.done(
        lambda session: order_papers.receive(session, access.user(), paper_id, proof, access.now()),
        _l("Written down."),
        _back(case_id),
    )


def _order(session: Session, case_id: int, order_id: int) -> PositioningOrder:
    case_for(session, access.user(), case_id, Permission.SUPERVISE)
    order = orders.order_for(session, access.user(), order_id)
    if order.case_id != case_id:
        raise NotFound("There is no such order in your offices.")
    return order


def _back(case_id: int) -> str:
    return url_for("orders.page", case_id=case_id)
