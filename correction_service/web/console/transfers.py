"""Changes of place: moves from and to this agency, and one move with both places' steps."""

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.enforcement import exit_bans, transfers
from correction_service.enforcement.transfers import Place, Wish
from correction_service.law.limits import bounds_of
from correction_service.people import cases
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts
from correction_service.web.console.cases import head_of
from models.transfer import TransferState
from models.user import Permission, User

blueprint = APIBlueprint("transfers", __name__, url_prefix="/transfers", enable_openapi=False)
PAST = 200
STATES = {
    TransferState.ASKED: _l("asked for"),
    TransferState.CONSULTED: _l("the new place is consulted"),
    TransferState.AGREED: _l("agreed"),
    TransferState.REFUSED: _l("refused"),
    TransferState.SENT: _l("file sent"),
    TransferState.RECEIVED: _l("reported in at the new place"),
    TransferState.WITHDRAWN: _l("called off"),
}


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List the moves from and to the user's offices, those under way first."""
    with access.reading() as session:
        rows = session.scalars(transfers.listed(access.user())).all()
        return render_template("console/life/transfers.html", rows=rows, states=STATES)


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def of_case(case_id: int) -> ResponseReturnValue:
    """Show a person's moves, and the form to write down that they ask for one."""
    with access.reading() as session:
        head = head_of(session, case_id)
        return render_template(
            "console/case/transfers.html",
            **head,
            tab="life",
            rows=transfers.of(session, case_id),
            states=STATES,
            agencies=[(it.id, it.name) for it in transfers.places(session, head["case"])],
            ahead=bounds_of(session)["transfer_ahead"],
        )


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def ask(case_id: int) -> ResponseReturnValue:
    """Write down what the person asks for."""
    return written(case_id, to_agency_id=request.form.get("agency", 0, type=int))


def written(
    case_id: int, *, to_agency_id: int | None = None, outside: Place | None = None
) -> ResponseReturnValue:
    """Write down that the person asks to move: to an agency of the service, or to one outside."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        case_for(session, user, case_id)
        wish = Wish(
            to_agency_id=to_agency_id,
            outside=outside,
            asked_on=typed.day("asked_on"),
            moves_on=typed.day("moves_on"),
            why=request.form.get("why", ""),
        )
        transfers.ask(session, user, case_id, wish, now)

    back = url_for("transfers.of_case", case_id=case_id)
    return acts.done(act, _l("Written down. The clock to consult the new place runs."), back)


@blueprint.get("/<int:transfer_id>")
@access.needs(Permission.SEE_CASES)
def page(transfer_id: int) -> ResponseReturnValue:
    """Show one move to either place; the old one keeps reading what happened there."""
    with access.reading() as session:
        user = access.user()
        transfer = transfers.transfer_for(session, user, transfer_id)
        return render_template(
            "console/life/transfer.html",
            it=transfer,
            case=transfer.case,
            states=STATES,
            sides=transfers.sides(user, transfer),
            late=transfers.asked_late(session, transfer),
            ban=exit_bans.of(session, transfer.case).state if transfer.outside else None,
            ahead=bounds_of(session)["transfer_ahead"],
            offices=[(each.id, each.name) for each in cases.offices(session, user)],
            entries=transfers.past(session, user, transfer, PAST),
            names=_names(session, transfer.replied_by, transfer.decided_by, transfer.received_by),
            today=cases.legal_day(access.now()),
            zone_names={},
        )


def _names(session: Session, *ids: int | None) -> dict[int, str]:
    return {each: session.get_one(User, each).name for each in ids if each is not None}


@blueprint.post("/<int:transfer_id>/consult")
@access.needs(Permission.SUPERVISE)
def consult(transfer_id: int) -> ResponseReturnValue:
    """The letter to the new place went out."""
    return _noted(transfers.consult, transfer_id, "number")


@blueprint.post("/<int:transfer_id>/answer")
@access.needs(Permission.DECIDE)
def answer(transfer_id: int) -> ResponseReturnValue:
    """The new place says whether it takes the case."""

    def act(session: Session) -> None:
        agrees = request.form.get("decision") == "agreed"
        user, now = access.user(), access.now()
        transfers.answer(session, user, transfer_id, agrees=agrees, reply=acts.note(), now=now)

    return _done(act, transfer_id)


@blueprint.post("/<int:transfer_id>/decide")
@access.needs(Permission.DECIDE)
def decide(transfer_id: int) -> ResponseReturnValue:
    """The old place decides."""

    def act(session: Session) -> None:
        agreed = request.form.get("decision") == "agreed"
        user, now = access.user(), access.now()
        transfers.decide(session, user, transfer_id, agreed=agreed, reason=acts.note(), now=now)

    return _done(act, transfer_id)


@blueprint.post("/<int:transfer_id>/send")
@access.needs(Permission.SUPERVISE)
def send(transfer_id: int) -> ResponseReturnValue:
    """The file went to the new place."""
    return _noted(transfers.send, transfer_id, "number")


@blueprint.post("/<int:transfer_id>/receive")
@access.needs(Permission.ENROL)
def receive(transfer_id: int) -> ResponseReturnValue:
    """The person reported in at the new place."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        transfers.transfer_for(session, user, transfer_id)
        office, on = request.form.get("office", 0, type=int), typed.day("reported_on")
        transfers.receive(session, user, transfer_id, office, day=on, now=now)

    return _done(act, transfer_id)


@blueprint.post("/<int:transfer_id>/withdraw")
@access.needs(Permission.SUPERVISE)
def withdraw(transfer_id: int) -> ResponseReturnValue:
    """The move does not happen."""
    return _noted(transfers.withdraw, transfer_id, "note")


def _noted(verb: Any, transfer_id: int, field: str) -> ResponseReturnValue:  # noqa: ANN401 - a use case
    def act(session: Session) -> None:
        verb(session, access.user(), transfer_id, request.form.get(field, ""), access.now())

    return _done(act, transfer_id)


def _done(act: Callable[[Session], object], transfer_id: int) -> ResponseReturnValue:
    return acts.done(act, _l("Written down."), url_for("transfers.page", transfer_id=transfer_id))
