"""Opinions of the procurator: entered at their seat, read and answered by the head."""

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.forms import letters, prints
from correction_service.law.limits import bounds_of
from correction_service.oversight import opinions
from correction_service.oversight.opinions import Writing
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web import papers, typed
from correction_service.web.console import acts
from models.errors import DomainError, Invalid
from models.opinion import Opinion, OpinionKind
from models.user import Permission, User

blueprint = APIBlueprint("opinions", __name__, url_prefix="/opinions", enable_openapi=False)
ROWS = 200
KINDS = {
    OpinionKind.SUGGESTION: _l("procuratorial suggestion"),
    OpinionKind.CORRECTION: _l("opinion to correct"),
}


@blueprint.get("/")
@access.needs(Permission.SEE_OPINIONS)
def index() -> ResponseReturnValue:
    """List the opinions, the latest first, and for the procurator the form for another."""
    return _shown()


def _shown(refusal: DomainError | None = None) -> ResponseReturnValue:
    user = access.user()
    with access.reading() as session:
        page = render_template(
            "console/opinions.html",
            rows=session.scalars(opinions.of(user).limit(ROWS)).all(),
            kinds=KINDS,
            limits=[bounds_of(session)[f"opinion_{kind.value}"] for kind in OpinionKind],
            case=_case(session, user),
            today=hours.local_day(access.now()),
            values=request.form if refusal else {},
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


def _case(session: Session, user: User) -> object:
    """The case that an opinion is on, where one is named."""
    named = request.values.get("case_id", type=int)
    return case_for(session, user, named) if named is not None else None


@blueprint.post("/")
@access.needs(Permission.OVERSEE)
def enter() -> ResponseReturnValue:
    """Enter an opinion; a refusal shows at its field and what was typed stays."""
    try:
        with access.writing() as session:
            made = opinions.enter(session, access.user(), _writing(), access.now())
            opinion_id = made.id
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return _shown(refusal)
    flash(gettext("Entered. The head of the agency finds it on the list of what waits."), "good")
    return redirect(url_for("opinions.page", opinion_id=opinion_id))


def _writing() -> Writing:
    form = request.form
    case_id = form.get("case_id", "")
    if case_id and not case_id.isdecimal():
        raise Invalid("Give a whole number.", field="case_id")
    return Writing(
        kind=typed.one_of(OpinionKind, "kind"),
        text=form.get("text", ""),
        number=form.get("number", ""),
        case_id=int(case_id) if case_id else None,
    )


@blueprint.get("/<int:opinion_id>")
@access.needs(Permission.SEE_OPINIONS)
def page(opinion_id: int) -> ResponseReturnValue:
    """Show an opinion with its answer, or the form for the head to answer; made to be printed."""
    with access.reading() as session:
        user = access.user()
        opinion = opinions.opinion_for(session, user, opinion_id)
        return render_template(
            "console/opinion.html",
            opinion=opinion,
            kinds=KINDS,
            names=_names(session, opinion),
            today=hours.local_day(access.now()),
            mine=user.may(Permission.DECIDE) and user.agency_id == opinion.agency_id,
        )


def _names(session: Session, opinion: Opinion) -> dict[int, str]:
    ids = [opinion.made_by, *([opinion.answer.made_by] if opinion.answer else [])]
    return {it: session.get_one(User, it).name for it in ids}


@blueprint.post("/<int:opinion_id>/paper")
@access.needs(Permission.SEE_OPINIONS)
def paper(opinion_id: int) -> ResponseReturnValue:
    """Set an opinion as a letter, or its answer; that it was is on record."""
    answered = request.form.get("of") == "answer"
    with access.writing() as session:
        made = letters.answer if answered else letters.opinion
        filled, at = made(session, access.user(), opinion_id)
    name = "answer" if answered else "opinion"
    return papers.shown(prints.paper(filled, at), f"{name}-{opinion_id}.pdf")


@blueprint.post("/<int:opinion_id>/answer")
@access.needs(Permission.DECIDE)
def answer(opinion_id: int) -> ResponseReturnValue:
    """Answer in writing, once."""

    def act(session: Session) -> None:
        opinions.answer(
            session,
            access.user(),
            opinion_id,
            taken_up=request.form.get("taken_up") == "1",
            text=request.form.get("text", ""),
            number=request.form.get("number", ""),
            now=access.now(),
        )

    return acts.done(act, _l("Answered."), url_for("opinions.page", opinion_id=opinion_id))
