"""A tablet at the counter: the officer opens it, people type their case number and look.

While it is open, this browser shows nothing but the kiosk; leaving it signs the officer out.
"""

from apiflask import APIBlueprint
from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, logout_user
from sqlalchemy import select

from correction_service import access, scope
from correction_service.presence import checkins
from correction_service.problems import said
from correction_service.taking import CaptureIn, fault_noted, permit, result, take
from correction_service.web.phone.checkin import told
from models.case import ENDED, Case
from models.checkin import CheckIn, Way
from models.errors import DomainError, NotFound, Refused
from models.user import Permission

blueprint = APIBlueprint("kiosk", __name__, url_prefix="/kiosk", enable_openapi=False)
OPEN, CASE = "kiosk", "kiosk_case"
ALLOWED = {"kiosk", "static", "auth.language"}


@blueprint.before_app_request
def keep_inside() -> ResponseReturnValue | None:
    """Keep whoever stands at the counter out of the officer's console."""
    inside = {request.blueprint, request.endpoint} & ALLOWED
    if inside or not session.get(OPEN):
        return None
    if not current_user.is_authenticated:  # the account was closed meanwhile
        session.clear()
        return None
    return redirect(url_for("kiosk.counter"))


@blueprint.get("")
@access.needs(Permission.SUPERVISE)
def start() -> ResponseReturnValue:
    """Explain the kiosk to the officer and offer to open it."""
    return render_template("phone/kiosk_start.html")


@blueprint.post("/open")
@access.needs(Permission.SUPERVISE)
def open_() -> ResponseReturnValue:
    """Turn this browser into a kiosk."""
    session[OPEN] = True
    return redirect(url_for("kiosk.counter"))


@blueprint.post("/close")
@access.needs(Permission.SUPERVISE)
def close() -> ResponseReturnValue:
    """End the kiosk and sign the officer out."""
    logout_user()
    session.clear()
    return redirect(url_for("auth.sign_in"))


@blueprint.route("/counter", methods=["GET", "POST"])
@access.needs(Permission.SUPERVISE)
def counter() -> ResponseReturnValue:
    """Ask for the case number."""
    session.pop(CASE, None)
    if request.method != "POST":  # HEAD too, or it would try the door past its limits
        return render_template("phone/kiosk_counter.html", error=None)
    try:
        with access.reading() as session_:
            mine = (Case.state.not_in(ENDED), scope.visible(access.user()))
            number = request.form.get("number", "").strip()
            case = session_.scalar(select(Case).where(Case.number == number, *mine))
            if case is None:
                raise NotFound("There is no such case number here.", field="number")
            person_id, case_id = case.person_id, case.id
        with fault_noted(person_id, Way.KIOSK, access.user().id), access.reading() as session_:
            checkins.ready(session_, person_id, access.now())
            session[CASE] = case_id
    except DomainError as error:
        return render_template("phone/kiosk_counter.html", error=said(error)), error.status
    return redirect(url_for("kiosk.camera"))


@blueprint.get("/camera")
@access.needs(Permission.SUPERVISE)
def camera() -> ResponseReturnValue:
    """Show questions and camera, as the phone does."""
    if CASE not in session:
        return redirect(url_for("kiosk.counter"))
    return render_template(
        "phone/kiosk_camera.html",
        challenge_url=url_for("kiosk.challenge"),
        capture_url=url_for("kiosk.capture"),
        receipt_url=url_for("kiosk.receipt", receipt="RECEIPT"),
        help_url=url_for("kiosk.counter"),
    )


@blueprint.post("/challenge")
@access.needs(Permission.SUPERVISE)
def challenge() -> ResponseReturnValue:
    """Give a challenge for the case at the counter."""
    return permit(_case().person_id, Way.KIOSK, access.user().id)


@blueprint.post("/capture")
@blueprint.input(CaptureIn, location="form_and_files", arg_name="form")
@access.needs(Permission.SUPERVISE)
def capture(form: CaptureIn) -> ResponseReturnValue:
    """Judge a burst taken at the counter."""
    made = take(_case().person_id, form, way=Way.KIOSK, by=access.user().id)
    return result(made)


@blueprint.get("/receipt/<receipt>")
@access.needs(Permission.SUPERVISE)
def receipt(receipt: str) -> ResponseReturnValue:
    """Say what came of it, to whoever stands there: no name, no face."""
    with access.reading() as session_:
        made = session_.scalar(
            select(CheckIn)
            .join(Case, Case.id == CheckIn.case_id)
            .where(CheckIn.receipt == receipt, scope.visible(access.user()))
        )
        if made is None:
            raise NotFound("There is no check-in with this receipt.")
        return render_template("phone/kiosk_receipt.html", **told(made))


def _case() -> Case:
    if CASE not in session:
        raise Refused("Type your case number first.", code="no_case")
    with access.reading() as session_:
        case = scope.case_for(session_, access.user(), session[CASE], Permission.SUPERVISE)
        session_.expunge_all()
        return case
