"""What becomes of points: objections to answer, levels suggested, the rulebook and its trial."""

from collections.abc import Mapping
from datetime import date

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.assessment import (
    levels,
    month_notices,
    months,
    objections,
    publications,
    rulebooks,
    trials,
)
from correction_service.assessment.rulebooks import Rulebooks
from correction_service.assessment.trials import Trial
from correction_service.people.cases import open_case_for
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web import papers, typed
from correction_service.web.console import acts, ledger
from models.assessment import ObjectionState, SuggestionState
from models.errors import DomainError, Invalid
from models.user import Permission

blueprint = APIBlueprint("assessment", __name__, url_prefix="/points", enable_openapi=False)
MOST = 100


@blueprint.get("/objections")
@access.needs(Permission.SEE_CASES)
def waiting() -> ResponseReturnValue:
    """List objections by the day that they are answered by, and suggested levels."""
    user = access.user()
    with access.reading() as session:
        return render_template(
            "console/objections.html",
            objections=session.scalars(objections.to_answer(user).limit(MOST)).all(),
            suggestions=session.scalars(levels.to_decide(user).limit(MOST)).all(),
            today=hours.local_day(access.now()),
            books=rulebooks.by_id(session),
        )


@blueprint.post("/cases/<int:case_id>/entries/<int:entry_id>/object")
@access.needs(Permission.SUPERVISE)
def take(case_id: int, entry_id: int) -> ResponseReturnValue:
    """Write down an objection that a person makes at the counter or by call."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        case = open_case_for(session, user, case_id, Permission.SUPERVISE)
        objections.object_to(session, case, entry_id, acts.note(), now=now, taken_by=user)

    message = _l("The objection is taken, and the county answers it.")
    return acts.done(act, message, url_for("cases.points", case_id=case_id))


@blueprint.post("/objections/<int:objection_id>/answer")
@access.needs(Permission.DECIDE)
def answer(objection_id: int) -> ResponseReturnValue:
    """Uphold or dismiss; upheld, the entry is taken back at once."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        objections.objection_for(session, user, objection_id, Permission.DECIDE)
        state = typed.one_of(ObjectionState, "decision")
        objections.answer(session, user, objection_id, state, note=acts.note(), now=now)

    message = _l("Answered, and the person is told.")
    return acts.done(act, message, url_for("assessment.waiting"))


@blueprint.post("/suggestions/<int:suggestion_id>/decide")
@access.needs(Permission.SUPERVISE)
def level(suggestion_id: int) -> ResponseReturnValue:
    """Take a suggested level or refuse it."""

    def act(session: Session) -> None:
        state = typed.one_of(SuggestionState, "decision")
        user, now = access.user(), access.now()
        levels.decide(session, user, suggestion_id, state, note=acts.note(), now=now)

    return acts.done(act, _l("Written down."), url_for("assessment.waiting"))


@blueprint.get("/cases/<int:case_id>/months/<int:month_id>.pdf")
@access.needs(Permission.SEE_CASES)
def month_paper(case_id: int, month_id: int) -> ResponseReturnValue:
    """Print a closed month, to be handed to the person."""
    with access.reading() as session:
        case = case_for(session, access.user(), case_id)
        month = month_notices.month_for(session, case, month_id)
        paper, closed_at = month_notices.paper(session, case, month), month.closed_at
    return papers.shown(month_notices.pdf(paper, closed_at), f"month-{month_id}.pdf")


@blueprint.get("/publication")
@access.needs(Permission.CONFIRM_POINTS)
def publication() -> ResponseReturnValue:
    """Show what would be made public of a month, fit for the board of the office."""
    month = ledger.month_of(request.args.get("month"), _last_month())
    with access.reading() as session:
        return render_template(
            "console/publication.html",
            month=month,
            board=publications.board(session, access.user(), month, access.now()),
            made=publications.of(session, access.user()),
        )


@blueprint.post("/publication")
@access.needs(Permission.DECIDE)
def publish() -> ResponseReturnValue:
    """Keep that it was made public, and what."""
    month = ledger.month_of(request.form.get("month"), _last_month())

    def act(session: Session) -> None:
        publications.publish(session, access.user(), month, access.now())

    back = url_for("assessment.publication", month=f"{month:%Y-%m}")
    return acts.done(act, _l("Written down as published."), back)


def _last_month() -> date:
    return months.month_before(hours.local_day(access.now()))


@blueprint.get("/rulebook")
@access.needs(Permission.SEE_CASES)
def rulebook() -> ResponseReturnValue:
    """Show the numbers in force with their source and mark, and those that come."""
    return _rulebook()


@blueprint.post("/rulebook")
@access.needs(Permission.CHANGE_RULES)
def change() -> ResponseReturnValue:
    """Try numbers on the last closed month, or let them count from a month to come."""
    today = hours.local_day(access.now())
    try:
        values = _values()
        if request.form.get("act") == "try":
            with access.reading() as session:
                trial = trials.attempt(session, access.user(), values, months.month_before(today))
            return _rulebook(trial=trial)
        with access.writing() as session:
            rulebooks.put_into_force(
                session,
                access.user(),
                values,
                effective_from=_first_day(),
                source=request.form.get("source", ""),
                now=access.now(),
                today=today,
            )
    except DomainError as refusal:
        return _rulebook(refusal=refusal)
    flash(gettext("These numbers count from that month on."), "good")
    return redirect(url_for("assessment.rulebook"))


def _values() -> dict[str, int]:
    found = {}
    for name, text in request.form.items():
        if name in {"base", "floor", "cap"} or name.startswith(("items.", "caps.", "terms.")):
            try:
                found[name] = int(text)
            except ValueError:
                raise Invalid("Give a whole number.", field=name) from None
    return found


def _first_day() -> date:
    try:
        return date.fromisoformat(f"{request.form.get('effective_from', '')}-01")
    except ValueError:
        raise Invalid("Choose a month.", field="effective_from") from None


def _rulebook(
    trial: Trial | None = None, refusal: DomainError | None = None
) -> ResponseReturnValue:
    user, today = access.user(), hours.local_day(access.now())
    with access.reading() as session:
        book = Rulebooks(session).on(today, user.agency_id)
        typed: Mapping[str, str] = request.form
        page = render_template(
            "console/rulebook.html",
            book=book,
            figures=rulebooks.figures(book),
            fixed=rulebooks.fixed(),
            coming=rulebooks.coming(session, user, today),
            typed=typed,
            trial=trial,
            may_edit=rulebooks.may_edit(user),
            error=said(refusal) if refusal else None,
            fault=refusal.field if refusal else None,
        )
    return page, refusal.status if refusal else 200
