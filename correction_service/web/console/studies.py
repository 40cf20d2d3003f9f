"""Units to study on the phone: write them, and credit what was read without a face check."""

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.learning import studies
from correction_service.learning.studies import Draft
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web.console import acts
from models.errors import DomainError, Invalid, NotFound
from models.study import Study
from models.user import Permission

blueprint = APIBlueprint("studies", __name__, url_prefix="/learning/units", enable_openapi=False)


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List the units, what waits for an officer, and the form to write another."""
    return _index()


def _index(refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        page = render_template(
            "console/studies.html",
            units=studies.units(session, access.user()),
            waiting=studies.waiting(session, access.user()),
            values=request.form if refusal else {"minutes": "30"},
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/")
@access.needs(Permission.SUPERVISE)
def publish() -> ResponseReturnValue:
    """Offer a unit; a refusal shows at its field and what was typed stays."""
    form = request.form
    try:
        draft = Draft(
            title=form.get("title", ""),
            text=form.get("text", ""),
            questions=form.get("questions", ""),
            minors=form.get("minors") == "1",
            minutes=_minutes(),
        )
        with access.writing() as session:
            studies.publish(session, access.user(), draft, access.now())
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return _index(refusal)
    flash(gettext("Offered on the phone pages of your agency's people."), "good")
    return redirect(url_for("studies.index"))


def _minutes() -> int:
    given = request.form.get("minutes", "").strip()
    if not given.isdecimal() or len(given) > len("1000"):
        raise Invalid("Give a whole number.", field="minutes")
    return int(given)


@blueprint.post("/<int:unit_id>/withdraw")
@access.needs(Permission.SUPERVISE)
def withdraw(unit_id: int) -> ResponseReturnValue:
    """Offer it to nobody new."""
    return acts.done(
        lambda session: studies.withdraw(session, access.user(), unit_id, access.now()),
        _l("Withdrawn. Who reads it reads on."),
        url_for("studies.index"),
    )


@blueprint.post("/readings/<int:study_id>")
@access.needs(Permission.SUPERVISE)
def decide(study_id: int) -> ResponseReturnValue:
    """Credit a reading by an officer's word."""

    def act(session: Session) -> None:
        study = session.get(Study, study_id)
        if study is None:
            raise NotFound("There is no such reading in your offices.")
        case_for(session, access.user(), study.case_id, Permission.SUPERVISE)
        studies.decide(session, access.user(), study_id, _minutes(), access.now())

    return acts.done(act, _l("Written down."), url_for("studies.index"))
