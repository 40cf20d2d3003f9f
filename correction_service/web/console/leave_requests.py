"""Requests for leave as they are decided: granted on a paper, or refused with a reason."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import leave_proofs, leave_requests
from correction_service.web import papers
from correction_service.web.console import acts
from models.errors import NotFound
from models.user import Permission

blueprint = APIBlueprint("leave_requests", __name__, url_prefix="/cases", enable_openapi=False)


@blueprint.post("/<int:case_id>/leave-requests/<int:asked_id>/approve")
@access.needs(Permission.DECIDE_LEAVE)
def approve(case_id: int, asked_id: int) -> ResponseReturnValue:
    """Grant it; the zones to keep to rest while it runs."""

    def act(session: Session) -> None:
        _check(session, case_id, asked_id)
        leave_requests.approve(session, access.user(), asked_id, acts.note(), access.now())

    return acts.done(act, _l("The leave is approved, and the person is told."), _back(case_id))


@blueprint.post("/<int:case_id>/leave-requests/<int:asked_id>/refuse")
@access.needs(Permission.DECIDE_LEAVE)
def refuse(case_id: int, asked_id: int) -> ResponseReturnValue:
    """Refuse it; the person reads the reason."""

    def act(session: Session) -> None:
        _check(session, case_id, asked_id)
        leave_requests.refuse(session, access.user(), asked_id, acts.note(), access.now())

    return acts.done(act, _l("The request is refused, and the person reads why."), _back(case_id))


def _check(session: Session, case_id: int, asked_id: int) -> None:
    request = leave_requests.request_for(session, access.user(), asked_id)
    if request.case_id != case_id:
        raise NotFound("There is no such request in your offices.")


def _back(case_id: int) -> str:
    return url_for("decisions.page", case_id=case_id, _anchor="requests")


@blueprint.get("/leave-proofs/<uuid:photo_id>")
@access.needs(Permission.SEE_CASES)
def proof(photo_id: UUID) -> ResponseReturnValue:
    """Open one proof; the look is logged. A PDF is saved and never shown in our pages."""
    with access.writing() as session:
        settings = access.service().settings
        data, kind = leave_proofs.view(session, access.user(), settings, photo_id)
    return papers.attached(data, kind)
