"""Leave on the phone: ask with proof, see what came of it, say that one is back."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import leave_requests, leaves
from correction_service.casework.leave_requests import Asking, Wish
from correction_service.law.limits import bounds_of
from correction_service.presence import checkins
from correction_service.problems import said
from correction_service.web import typed
from correction_service.web.phone.frame import blueprint
from correction_service.zones import destinations
from models.case import Case
from models.errors import DomainError, Invalid, Unclear
from models.leave import LeaveReason
from models.leave_request import AskedHow, LeaveLevel, RequestState

REASONS = {
    LeaveReason.MEDICAL: _l("to see a doctor"),
    LeaveReason.STUDY: _l("to study or sit an exam"),
    LeaveReason.LITIGATION: _l("for a court case"),
    LeaveReason.FAMILY: _l("for an important family matter"),
    LeaveReason.WORK: _l("for work"),
}
WAITS_FOR = {
    LeaveLevel.OFFICE: _l("Your judicial office decides."),
    LeaveLevel.COUNTY: _l("The county agency decides."),
    LeaveLevel.UPPER: _l("The agency above the county decides."),
}
STATES = {
    RequestState.ASKED: _l("waits to be decided"),
    RequestState.APPROVED: _l("approved"),
    RequestState.REFUSED: _l("not approved"),
    RequestState.WITHDRAWN: _l("taken back"),
    RequestState.NOT_NEEDED: _l("no leave needed: you may go"),
}
HOW = {
    AskedHow.PAPER: _l("entered by your officer from paper"),
    AskedHow.IN_PERSON: _l("entered by your officer when you asked there"),
    AskedHow.CALL: _l("entered by your officer from your call"),
}


@blueprint.get("/leave")
@access.person_only
def leave_page() -> ResponseReturnValue:
    """Show my leave and my requests, and the form for another."""
    return _shown()


def _shown(refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        case = checkins.current_case(session, access.person_id())
        page = render_template(
            "phone/leave.html",
            leave=leaves.current(session, case),
            requests=leave_requests.of(session, case)[:10],
            destination=destinations.called,
            reasons=REASONS,
            waits_for=WAITS_FOR,
            states=STATES,
            how=HOW,
            at_home=isinstance(refusal, Unclear),
            bounds=bounds_of(session),
            values=request.form if refusal else {},
            errors={refusal.field or "": said(refusal)} if refusal else {},
            now=access.now(),
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/leave")
@access.person_only
def ask_leave() -> ResponseReturnValue:
    """Ask for leave; a refusal of what was typed shows at its field, and nothing is lost."""
    try:
        with access.writing() as session:
            case = _case(session)
            files = [it.read() for it in request.files.getlist("proof") if it.filename]
            settings, now = access.service().settings, access.now()
            asking = Asking(files=files, anyway=leave_requests.ANYWAY in request.form)
            leave_requests.ask(session, settings, case, _wish(), asking=asking, now=now)
    except DomainError as refusal:
        return _shown(refusal)
    flash(gettext("Your request has arrived. You read here what comes of it."))
    return redirect(url_for("phone.leave_page"))


def _wish() -> Wish:
    form = request.form
    if form.get("reason") not in set(LeaveReason):
        raise Invalid("Choose what it is for.", field="reason")
    return Wish(
        reason=LeaveReason(form["reason"]),
        divisions=destinations.read(form.get("destination", "")),
        starts_at=typed.moment("starts_at"),
        ends_at=typed.moment("ends_at"),
        why=form.get("why", ""),
        regular="regular" in form,
    )


@blueprint.post("/leave/<int:asked_id>/withdraw")
@access.person_only
def withdraw_leave(asked_id: int) -> ResponseReturnValue:
    """Take a request back."""
    with access.writing() as session:
        leave_requests.withdraw(session, _case(session), asked_id, access.now())
    flash(gettext("Your request is taken back."))
    return redirect(url_for("phone.leave_page"))


@blueprint.post("/leave/<int:leave_id>/back")
@access.person_only
def back_from_leave(leave_id: int) -> ResponseReturnValue:
    """Say that I am back; my officer confirms it."""
    with access.writing() as session:
        leave_requests.say_back(session, _case(session), leave_id, access.now())
    flash(gettext("Thank you. Your officer has been told that you are back and confirms it."))
    return redirect(url_for("phone.leave_page"))


def _case(session: Session) -> Case:
    return checkins.current_case(session, access.person_id())
