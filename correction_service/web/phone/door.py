"""In and out of the phone page: activation code, PIN, this phone's cookie."""

import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, current_app, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.limits import DOOR, limiter
from correction_service.people import phones
from correction_service.problems import said
from correction_service.web.phone.frame import blueprint, to_a_browser
from models.errors import DomainError, Invalid
from models.phone import PhoneAccess

DEVICE = "correction_device"
DEVICE_S = 400 * 24 * 3600  # the longest that browsers keep a cookie


@blueprint.route("/activate", methods=["GET", "POST"])
@access.anyone
@limiter.limit(DOOR, methods=["POST"])
def activate() -> ResponseReturnValue:
    """Trade the officer's code for a PIN, and bind this phone unless it is shared."""
    if request.method != "POST":  # HEAD too, or it would try the door past its limits
        return to_a_browser() or render_template("phone/activate.html", error=None)
    form = request.form
    shared = "shared" in form
    try:
        if form.get("pin") != form.get("again"):
            raise Invalid("The two PINs are not the same.", field="again")
        with access.writing() as session:
            opened = phones.activate(
                session, form.get("code", ""), form.get("pin", ""), access.now(), shared=shared
            )
    except DomainError as error:
        page = render_template("phone/activate.html", error=said(error), field=error.field)
        return page, error.status
    mark = None if shared else _mark() or secrets.token_hex(8)
    answer = _let_in(opened, mark)
    if mark is not None:
        _bind(answer, opened, mark)
    return answer


@blueprint.route("/pin", methods=["GET", "POST"])
@access.anyone
@limiter.limit(DOOR, methods=["POST"])
def pin() -> ResponseReturnValue:
    """Ask for the PIN; on a phone that is bound to nobody, for the case number too."""
    person_id = _bound_to()
    if request.method != "POST":  # HEAD too, or it would try the door past its limits
        return render_template("phone/pin.html", bound=person_id is not None, error=None)
    form = request.form
    try:
        opened = _counted(
            lambda session: (
                phones.sign_in(session, person_id, form.get("pin", ""), access.now())
                if person_id
                else phones.sign_in_shared(
                    session, form.get("number", ""), form.get("pin", ""), access.now()
                )
            )
        )
    except DomainError as error:
        bound = person_id is not None
        page = render_template(
            "phone/pin.html", bound=bound, error=said(error), field=error.field, code=error.code
        )
        return page, error.status
    return _let_in(opened, _mark() if person_id else None)


@blueprint.post("/sign-out")
@access.anyone
def sign_out() -> ResponseReturnValue:
    """Close the page; the phone stays bound."""
    cookie.pop(access.PERSON_KEY, None)
    return redirect(url_for("phone.pin"))


@blueprint.post("/unbind")
@access.anyone
def unbind() -> ResponseReturnValue:
    """Forget whose phone this is."""
    cookie.pop(access.PERSON_KEY, None)
    answer = make_response(redirect(url_for("phone.pin")))
    answer.delete_cookie(DEVICE, path="/m")
    return answer


def _counted(act: Callable[[Session], PhoneAccess]) -> PhoneAccess:
    """Sign in, in a transaction that commits even when refused: wrong PINs are counted."""
    refusal: DomainError | None = None
    with access.writing() as session:
        try:
            return act(session)
        except DomainError as error:
            refusal = error
    raise refusal


def _let_in(opened: PhoneAccess, mark: str | None) -> Response:
    language = cookie.get("lang")
    cookie.clear()  # whoever was signed in on this browser before is not any more
    cookie[access.PERSON_KEY] = {
        "id": str(opened.person_id),
        "epoch": opened.session_epoch,
        "at": access.now().timestamp(),
        "mark": mark,
    }
    if language:
        cookie["lang"] = language
    return make_response(redirect(url_for("phone.home")))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="phone-device")


def _bind(answer: Response, opened: PhoneAccess, mark: str) -> None:
    whose = {"id": str(opened.person_id), "epoch": opened.session_epoch, "mark": mark}
    value = _signer().dumps(whose)
    answer.set_cookie(
        DEVICE,
        value,
        max_age=DEVICE_S,
        path="/m",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def _binding() -> dict[str, Any]:
    """Read what this phone was bound with; nothing where it was not, or not by us."""
    try:
        return dict(_signer().loads(request.cookies.get(DEVICE, "")))
    except BadSignature:
        return {}


def _mark() -> str | None:
    """What tells that one phone was bound again, whoever did: a check-in keeps it."""
    return _binding().get("mark")


def _bound_to() -> UUID | None:
    """Return whose phone this is, unless an officer has since offered a new code."""
    stored = _binding()
    if not stored:
        return None
    with access.reading() as session:
        known = session.get(PhoneAccess, UUID(stored["id"]))
        if known is None or known.session_epoch != stored["epoch"]:
            return None
        return known.person_id
