"""Moves to an agency outside the service: asking, and what its letters say, by number and day."""

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.enforcement import outside_moves, transfers
from correction_service.enforcement.transfers import Place
from correction_service.people import photos
from correction_service.web import typed
from correction_service.web.console import acts
from correction_service.web.console.transfers import written
from models.transfer import Letter
from models.user import Permission

blueprint = APIBlueprint(
    "outside_moves", __name__, url_prefix="/transfers/outside", enable_openapi=False
)


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def ask(case_id: int) -> ResponseReturnValue:
    """Write down that the person asks to move to a place outside."""
    place = Place(**{it: request.form.get(it, "") for it in transfers.MOST_OF_PLACE})
    return written(case_id, outside=place)


@blueprint.post("/<int:transfer_id>/answer")
@access.needs(Permission.SUPERVISE)
def answer(transfer_id: int) -> ResponseReturnValue:
    """The letter of reply came."""

    def act(session: Session) -> None:
        said: dict[str, Any] = {
            "agrees": request.form.get("decision") == "agreed",
            "reply": acts.note(),
            "now": access.now(),
        }
        outside_moves.answer(session, access.user(), transfer_id, _letter(), **said)

    return _done(act, transfer_id)


@blueprint.post("/<int:transfer_id>/send")
@access.needs(Permission.SUPERVISE)
def send(transfer_id: int) -> ResponseReturnValue:
    """The file went to the new place."""

    def act(session: Session) -> None:
        outside_moves.send(session, access.user(), transfer_id, _letter(), access.now())

    return _done(act, transfer_id)


@blueprint.post("/<int:transfer_id>/receive")
@access.needs(Permission.SUPERVISE)
def receive(transfer_id: int) -> ResponseReturnValue:
    """The receipt came: the case ends here, and what it ends is as with every end."""

    def act(session: Session) -> None:
        now = access.now()
        outside_moves.receive(session, access.user(), transfer_id, _letter(), now)
        photos.expire(session, access.service().settings, now)

    return _done(act, transfer_id)


def _letter() -> Letter:
    return Letter(number=request.form.get("number", ""), on=typed.maybe_day("on"))


def _done(act: Callable[[Session], object], transfer_id: int) -> ResponseReturnValue:
    return acts.done(act, _l("Written down."), url_for("transfers.page", transfer_id=transfer_id))
