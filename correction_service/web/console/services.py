"""Work on a person's bracelet: begin and end a service session, put another one in its place."""

from apiflask import APIBlueprint
from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.hardware import bracelets, service_sessions
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts
from models.device import Binding, Device
from models.errors import Invalid, Refused
from models.service import ServiceKind
from models.user import Permission

blueprint = APIBlueprint("services", __name__, url_prefix="/cases", enable_openapi=False)


def _back(case_id: int) -> str:
    return url_for("errands.page", case_id=case_id)


@blueprint.post("/<int:case_id>/bracelet/service")
@access.needs(Permission.SUPERVISE)
def begin(case_id: int) -> ResponseReturnValue:
    """Begin to work on the bracelet that the person wears."""

    def act(session: Session) -> None:
        user = access.user()
        case = case_for(session, user, case_id, Permission.SUPERVISE)
        worn = (
            select(Device)
            .join(Binding)
            .where(Binding.case_id == case.id, Binding.unbound_at.is_(None))
        )
        device = session.scalar(worn)
        if device is None:
            raise Refused("The person does not wear this bracelet.", field="device")
        service_sessions.begin(
            session,
            case.id,
            device,
            typed.one_of(ServiceKind, "kind"),
            request.form.get("minutes", 0, type=int),
            by=user.id,
            now=access.now(),
            settings=access.service().settings,
        )

    message = _l("The service session has begun. Tamper is recorded as serviced until it ends.")
    return acts.done(act, message, _back(case_id))


@blueprint.post("/<int:case_id>/bracelet/service/end")
@access.needs(Permission.SUPERVISE)
def end(case_id: int) -> ResponseReturnValue:
    """Say that the work is done."""

    def act(session: Session) -> None:
        case = case_for(session, access.user(), case_id, Permission.SUPERVISE)
        running = service_sessions.running_of(session, case.id, access.now())
        if running is None:
            raise Refused("This service session is over already.")
        service_sessions.close(session, running, acts.note(), access.now())

    return acts.done(act, _l("The service session is over."), _back(case_id))


@blueprint.post("/<int:case_id>/bracelet/replace")
@access.needs(Permission.ENROL)
def replace(case_id: int) -> ResponseReturnValue:
    """Put another bracelet of the agency in the place of the one that is worn."""

    def act(session: Session) -> None:
        case = case_for(session, access.user(), case_id, Permission.ENROL)
        device = bracelets.named(session, request.form.get("device", "").strip())
        if device.gateway.agency_id != case.agency_id:
            raise Invalid("This bracelet belongs to another agency.", field="device")
        bracelets.replace(session, case, device, access.now())

    message = _l("The bracelet is replaced. What is known of the zones goes on with the new one.")
    return acts.done(act, message, _back(case_id))
