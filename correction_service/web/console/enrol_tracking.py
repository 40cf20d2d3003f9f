"""Set-up under a positioning order: the home area, the bracelet."""

from apiflask import APIBlueprint
from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.hardware import bracelets
from correction_service.people import enrolment_steps
from correction_service.scope import case_for
from correction_service.web.console.enrol_steps import attempt
from correction_service.zones import zones
from models.errors import Invalid
from models.user import Permission

blueprint = APIBlueprint("enrol_tracking", __name__, url_prefix="/enrol", enable_openapi=False)


@blueprint.post("/<int:case_id>/home")
@access.needs(Permission.ENROL)
def home(case_id: int) -> ResponseReturnValue:
    """Make the home area out of districts; an earlier one ends."""
    codes = request.form.getlist("division") + request.form.get("more_divisions", "").split()

    def act(session: Session) -> None:
        case = case_for(session, access.user(), case_id, Permission.ENROL)
        for old in enrolment_steps.of(session, case, access.now()).homes:
            zones.end(session, old, access.now())
        zones.home_of_divisions(
            session, case, codes, valid_from=access.now(), made_by=access.user().id
        )

    return attempt(case_id, "home", act)


@blueprint.post("/<int:case_id>/bracelet")
@access.needs(Permission.ENROL)
def bracelet(case_id: int) -> ResponseReturnValue:
    """Fit a bracelet of the agency, or take it off."""

    def act(session: Session) -> None:
        case = case_for(session, access.user(), case_id, Permission.ENROL)
        if "unbind" in request.form:
            worn = enrolment_steps.of(session, case, access.now()).binding
            if worn is not None:
                bracelets.unbind(session, worn.device, access.now())
            return
        device = bracelets.named(session, request.form.get("device", "").strip())
        if device.gateway.agency_id != case.agency_id:
            raise Invalid("This bracelet belongs to another agency.", field="device")
        bracelets.bind(session, case, device, access.now())

    return attempt(case_id, "bracelet", act)
