"""Consent to the face check, and the photos: taken in the browser or uploaded, each with advice."""

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from correction_service import access, locale
from correction_service.face.verdict import EnrolmentVerdict
from correction_service.people import cases, consents, enrolments, photos, templates
from correction_service.problems import said
from correction_service.scope import case_for
from models.case import Case
from models.errors import DomainError, Invalid
from models.user import Permission

blueprint = APIBlueprint("enrol_face", __name__, url_prefix="/enrol", enable_openapi=False)
NEEDED = 3


def _case(session: Session, case_id: int) -> Case:
    return case_for(session, access.user(), case_id, Permission.ENROL)


@blueprint.get("/<int:case_id>/consent")
@access.needs(Permission.ENROL)
def consent(case_id: int) -> ResponseReturnValue:
    """Show the wording in both languages and what was answered."""
    return _consent_page(case_id)


def _consent_page(case_id: int, error: str | None = None) -> str:
    with access.reading() as session:
        case = _case(session, case_id)
        return render_template(
            "console/enrol/consent.html",
            case=case,
            latest=consents.latest(session, case.person),
            texts={each: consents.wording(consents.VERSION, each) for each in consents.LANGUAGES},
            version=consents.VERSION,
            error=error,
        )


@blueprint.post("/<int:case_id>/consent")
@access.needs(Permission.ENROL)
def answer(case_id: int) -> ResponseReturnValue:
    """Record that the person agreed, or did not, or no longer does."""
    given = request.form.get("answer") == "given"
    if given and "read" not in request.form:
        return _consent_page(case_id, gettext("Tick that the person has read or heard it.")), 422
    with access.writing() as session:
        user, now = access.user(), access.now()
        person = cases.open_case_for(session, user, case_id, Permission.ENROL).person
        if given:
            consents.give(session, person, user, now, request.form.get("version", ""))
        else:
            consents.withdraw(session, person, user, now)
            photos.expire(session, access.service().settings, now)
    return redirect(url_for("enrol_steps.show", case_id=case_id, _anchor="step-consent"))


@blueprint.get("/<int:case_id>/face")
@access.needs(Permission.ENROL)
def face(case_id: int) -> ResponseReturnValue:
    """Show the camera and the ways to give photos."""
    return _face_page(case_id)


def _face_page(
    case_id: int, error: str | None = None, verdict: EnrolmentVerdict | None = None
) -> str:
    with access.reading() as session:
        case = enrolments.begin(session, access.user(), case_id)
        return render_template(
            "console/enrol/face.html",
            case=case,
            needed=NEEDED,
            most=enrolments.MOST_PHOTOS,
            error=error,
            verdict=verdict,
            template=templates.in_use(session, case.person),
            said=lambda words: getattr(words, locale.chosen()),
        )


@blueprint.post("/<int:case_id>/face")
@access.needs(Permission.ENROL)
def enrol(case_id: int) -> ResponseReturnValue:
    """Enrol from uploaded photos; the page works so without scripts too."""
    service = access.service()
    given = [file.read() for file in request.files.getlist("photos") if file.filename]
    verdict = None
    try:
        with access.reading() as session:
            enrolments.begin(session, access.user(), case_id)
        if not given:
            raise Invalid("Choose photos first.", field="photos")
        verdict = enrolments.judge(service.verifier, given, service.settings)
        with access.writing() as session:
            enrolments.record(
                session,
                access.user(),
                case_id,
                verdict,
                given,
                settings=service.settings,
                now=access.now(),
            )
    except DomainError as refusal:
        if refusal.field != "photos":
            raise
        return _face_page(case_id, said(refusal), verdict), refusal.status
    flash(gettext("The face is enrolled."), "good")
    return redirect(url_for("enrol_steps.show", case_id=case_id, _anchor="step-face"))
