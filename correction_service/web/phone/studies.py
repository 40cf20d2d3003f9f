"""Study on the phone: read page by page, show once who reads, answer, see what counts."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.learning import studies
from correction_service.presence import checkins
from correction_service.web.phone.frame import blueprint
from models.case import Case
from models.study import Study


@blueprint.get("/study")
@access.person_only
def study_units() -> ResponseReturnValue:
    """Show what I may study and what I have read."""
    with access.reading() as session:
        case = _case(session)
        begun, offered = studies.mine(session, case), studies.offered(session, case)
        return render_template("phone/study_units.html", begun=begun, offered=offered)


@blueprint.post("/study/units/<int:unit_id>")
@access.person_only
def begin_study(unit_id: int) -> ResponseReturnValue:
    """Open a unit, or go on with it."""
    with access.writing() as session:
        study_id = studies.begin(session, _case(session), unit_id, access.now()).id
    return redirect(url_for("phone.study_page", study_id=study_id))


@blueprint.get("/study/<int:study_id>")
@access.person_only
def study_page(study_id: int) -> ResponseReturnValue:
    """Show the page that I am at, the face check, or the questions."""
    with access.reading() as session:
        study = _mine(session, study_id)
        return render_template("phone/study.html", study=study, unit=study.unit)


@blueprint.post("/study/<int:study_id>")
@access.person_only
def go_on_with_study(study_id: int) -> ResponseReturnValue:
    """Turn the page, show who reads, ask for another way, or answer."""
    step = request.form.get("step", "")
    with access.writing() as session:
        case, now = _case(session), access.now()
        study = _mine(session, study_id)
        if step == "turn":
            study.turn(request.form.get("page", -1, type=int), now)
        elif step == "face" and not studies.prove(session, case, study_id, now):
            flash(gettext("No check-in since then is there yet. Check in, or choose another way."))
        elif step == "other":
            study.prove(None, now)
        elif step == "finish":
            answers = [
                request.form.get(f"q{number}", type=int)
                for number in range(len(study.unit.questions))
            ]
            if not studies.finish(session, case, study_id, answers, now):
                flash(gettext("Not every answer is right yet. Look again: nothing is lost."))
    return redirect(url_for("phone.study_page", study_id=study_id))


def _mine(session: Session, study_id: int) -> Study:
    return studies.own(session, _case(session), study_id)


def _case(session: Session) -> Case:
    return checkins.current_case(session, access.person_id())
