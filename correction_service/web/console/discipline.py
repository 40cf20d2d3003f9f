"""Rewards and penalties: prepared on the facts of the file, decided by a second person."""

from typing import Any

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.discipline import facts, ladder, measures
from correction_service.discipline.measures import File
from correction_service.locale import chosen
from correction_service.problems import said
from correction_service.web import typed
from correction_service.web.console import acts
from correction_service.web.console.cases import head_of
from models.discipline import ENDS, Measure, MeasureKind
from models.errors import DomainError, Invalid
from models.user import Permission, User

blueprint = APIBlueprint("discipline", __name__, url_prefix="/measures", enable_openapi=False)
MOST = 200


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List what has still to be decided, served or copied, the oldest first."""
    with access.reading() as session:
        rows = session.scalars(measures.waiting(access.user()).limit(MOST)).all()
        return render_template("console/measures.html", rows=rows)


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def of_case(case_id: int) -> ResponseReturnValue:
    """Show a person's measures, and the form to prepare another."""
    return _of_case(case_id)


def _of_case(case_id: int, refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        head = head_of(session, case_id)
        case = head["case"]
        page = render_template(
            "console/case/measures.html",
            **head,
            tab="measures",
            rows=measures.of(session, case_id),
            rungs=[
                rung
                for kind, rung in ladder.rungs().items()
                if kind not in ENDS or ENDS[kind] is case.category
            ],
            candidates=facts.candidates(session, case),
            values=request.form if refusal else {},
            chosen_facts=request.form.getlist("fact") if refusal else [],
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def prepare(case_id: int) -> ResponseReturnValue:
    """Prepare a measure; a refusal shows at its field and what was typed stays."""
    try:
        with access.writing() as session:
            made = measures.prepare(session, access.user(), case_id, _file(), access.now())
            measure_id = made.id
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return _of_case(case_id, refusal)
    flash(gettext("Prepared. The person is heard, then somebody else decides."), "good")
    return redirect(url_for("discipline.page", measure_id=measure_id))


def _file() -> File:
    kind, _, limb = request.form.get("ground", "").partition(".")
    if kind not in set(MeasureKind):
        raise Invalid("Choose one of the list.", field="limb")
    days = request.form.get("days", "").strip()
    if days and not days.isdecimal():
        raise Invalid("Give a whole number.", field="days")
    papers = [f"document:{it}" for it in request.form.get("documents", "").splitlines() if it]
    return File(
        kind=MeasureKind(kind),
        limb=limb,
        facts=[*request.form.getlist("fact"), *papers],
        found=request.form.get("found", ""),
        happened_on=typed.day("happened_on"),
        days=int(days) if days else None,
        unchanged=request.form.get("unchanged", ""),
    )


@blueprint.get("/<int:measure_id>")
@access.needs(Permission.SEE_CASES)
def page(measure_id: int) -> ResponseReturnValue:
    """Show the whole file: facts, law with its mark, statement, decision, service, copy."""
    with access.reading() as session:
        measure = measures.measure_for(session, access.user(), measure_id)
        return render_template(
            "console/measure.html",
            measure=measure,
            case=measure.case,
            limb=ladder.limb(measure.kind, measure.limb),
            rung=ladder.rungs()[measure.kind],
            names=_names(session, measure),
        )


def _names(session: Session, measure: Measure) -> dict[int, str]:
    ids = (measure.prepared_by, measure.heard_by, measure.decided_by, measure.served_by)
    found = (session.get(User, it) for it in ids if it is not None)
    return {user.id: user.name for user in found if user is not None}


@blueprint.post("/<int:measure_id>/hear")
@access.needs(Permission.SUPERVISE)
def hear(measure_id: int) -> ResponseReturnValue:
    """Write down the person's statement."""
    return _done(measures.hear, measure_id, _l("Written down."))


@blueprint.post("/<int:measure_id>/guardian")
@access.needs(Permission.SUPERVISE)
def guardian(measure_id: int) -> ResponseReturnValue:
    """Write down that a minor's guardian was called."""
    return _done(measures.call_guardian, measure_id, _l("Written down."))


@blueprint.post("/<int:measure_id>/serve")
@access.needs(Permission.SUPERVISE)
def serve(measure_id: int) -> ResponseReturnValue:
    """Write down how the decision was handed over."""
    return _done(measures.serve, measure_id, _l("Written down, and the person is told."))


@blueprint.post("/<int:measure_id>/copy")
@access.needs(Permission.SUPERVISE)
def copy(measure_id: int) -> ResponseReturnValue:
    """Write down that the procuratorate has its copy."""
    return _done(measures.copy, measure_id, _l("Written down."))


def _done(verb: Any, measure_id: int, message: Any) -> ResponseReturnValue:  # noqa: ANN401 - a use case; a lazy sentence
    def act(session: Session) -> None:
        verb(session, access.user(), measure_id, acts.note(), access.now())

    return acts.done(act, message, url_for("discipline.page", measure_id=measure_id))


@blueprint.post("/<int:measure_id>/decide")
@access.needs(Permission.DECIDE)
def decide(measure_id: int) -> ResponseReturnValue:
    """Decide, with the number of the document, or refuse."""

    def act(session: Session) -> None:
        measures.decide(
            session,
            access.user(),
            measure_id,
            agreed=request.form.get("decision") == "agreed",
            number=request.form.get("number", ""),
            reason=acts.note(),
            now=access.now(),
        )

    return acts.done(act, _l("Decided."), url_for("discipline.page", measure_id=measure_id))


@blueprint.post("/<int:measure_id>/outcome")
@access.needs(Permission.SUPERVISE)
def outcome(measure_id: int) -> ResponseReturnValue:
    """Write down what the police or the court decided."""

    def act(session: Session) -> None:
        granted = request.form.get("decision") == "granted"
        user, now = access.user(), access.now()
        measures.answered(session, user, measure_id, granted=granted, outcome=acts.note(), now=now)

    return acts.done(act, _l("Written down."), url_for("discipline.page", measure_id=measure_id))


blueprint.app_template_filter("said_in")(lambda said: said[chosen()])
