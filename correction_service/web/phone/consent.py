"""Consent to the face check: read it, give it, withdraw it; either way nothing is lost."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from correction_service import access, locale
from correction_service.people import cases, consents
from correction_service.presence import checkins
from correction_service.web.phone.frame import blueprint
from models.case import ENDED
from models.errors import Invalid, Refused


@blueprint.get("/consent")
@access.person_only
def consent() -> ResponseReturnValue:
    """Show the wording in force, what I said last, and both choices."""
    with access.reading() as session:
        case = cases.latest_case(session, access.person_id())
        latest = consents.latest(session, case.person)
        return render_template(
            "phone/consent.html",
            heading=consents.wording(consents.VERSION, locale.chosen())[0],
            paragraphs=consents.wording(consents.VERSION, locale.chosen())[1:],
            latest=latest,
            may_give=case.state not in ENDED and not case.person.minor_on(access.now().date()),
        )


@blueprint.post("/consent")
@access.person_only
def choose_consent() -> ResponseReturnValue:
    """Record what I chose; withdrawing deletes template and photos at once."""
    choice = request.form.get("choice")
    if choice not in {"give", "withdraw"}:
        raise Invalid("Choose one of the list.", field="choice")
    now = access.now()
    with access.writing() as session:
        person = cases.latest_case(session, access.person_id()).person
        if choice == "withdraw":
            consents.withdraw(session, person, None, now)
        elif checkins.current_case(session, person.id).person.minor_on(now.date()):
            raise Refused("For a minor, a guardian consents with the officer.", field="choice")
        else:
            consents.give(session, person, None, now)
    given = gettext("Noted: you agree. Your officer enrols your face with you when you meet.")
    withdrawn = gettext("Withdrawn: the face numbers are deleted. Every other way stays.")
    flash(given if choice == "give" else withdrawn)
    return redirect(url_for("phone.consent"))
