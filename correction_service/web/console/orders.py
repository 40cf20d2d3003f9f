"""A person's positioning orders: the ground with its facts, assessments, and what each one owes."""

from collections.abc import Iterator, Sequence

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.casework import order_facts, order_papers, orders
from correction_service.casework.order_facts import Fact
from correction_service.people import intake
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from correction_service.web.console.enrol_steps import GONE, one_of
from models.errors import DomainError, Invalid, NotFound
from models.order import Ground, PositioningOrder
from models.order_evidence import BY_ID, EvidenceKind
from models.user import Permission

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
        page = render_template(
            "console/case/orders.html",
            **head,
            tab="decisions",
            orders=found,
            papers=order_papers.of(session, case),
            assessments=order_papers.assessments(session, case),
            candidates=order_facts.candidates(session, case),
            grounds=words.options(Ground),
            on_paper=[(kind.value, words.word(kind)) for kind in ON_PAPER],
            values=request.form if refusal else _extension(found),
            chosen=request.form.getlist("fact"),
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


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
    form = request.form
    try:
        with access.writing() as session:
            orders.decide(
                session,
                access.user(),
                case_id,
                ground=one_of(Ground, "ground"),
                evidence=form.get("evidence", ""),
                facts=list(_facts()),
                starts_on=intake.day_of("starts_on", form.get("starts_on", "")),
                ends_on=intake.day_of("ends_on", form.get("ends_on", "")),
                now=access.now(),
            )
    except DomainError as refusal:
        if refusal.status in GONE:
            raise
        return _shown(case_id, refusal)
    flash(gettext("The order is decided. The person is told; the copy is owed."), "good")
    return redirect(_back(case_id))


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
