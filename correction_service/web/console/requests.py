"""Requests of the people: copies, corrections, petitions, each with its clock and readers."""

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours, rights, typeset
from correction_service.rights import copies, requests
from correction_service.scope import case_for
from correction_service.web import papers, typed
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from correction_service.web.phone import copy_words
from correction_service.web.wishes import wish
from models.errors import Invalid
from models.person_request import Addressee, KeptField, RequestKind
from models.user import Permission, User

blueprint = APIBlueprint("requests", __name__, url_prefix="/requests", enable_openapi=False)
MOST = 200
MOST_ANSWERED = 50
ANSWERS = {"granted": True, "declined": False}


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List what waits for this seat, the nearest clock first, and what was answered."""
    user, now = access.user(), access.now()
    with access.reading() as session:
        return render_template(
            "console/requests.html",
            waiting=session.scalars(requests.to_answer(user, now).limit(MOST)).all(),
            answered=session.scalars(requests.answered(user, now).limit(MOST_ANSWERED)).all(),
            today=hours.local_day(now),
        )


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def counter(case_id: int) -> ResponseReturnValue:
    """Show the form to write down what somebody without a phone asks for."""
    with access.reading() as session:
        head = head_of(session, case_id)
        case_for(session, access.user(), case_id, Permission.SUPERVISE)
        return render_template(
            "console/case/request.html",
            **head,
            tab="file",
            kinds=words.options(RequestKind),
            fields=words.options(KeptField),
            addressees=words.options(Addressee),
            officers=[(it.id, it.name) for it in requests.officers(session, head["case"])],
        )


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def take(case_id: int) -> ResponseReturnValue:
    """Write down what a person asks at the counter or by call."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        case_for(session, user, case_id, Permission.SUPERVISE)  # else it is not theirs
        wanted = wish(typed.one_of(RequestKind, "kind"))
        requests.take(session, user, case_id, wanted, now)

    message = _l("Written down. The clock of its answer runs.")
    return acts.done(act, message, url_for("requests.counter", case_id=case_id))


@blueprint.get("/<int:person_request_id>/copy.pdf")
@access.needs(Permission.SUPERVISE)
def copy(person_request_id: int) -> ResponseReturnValue:
    """Print the copy that was released, to hand over. The look is on record."""
    user, now = access.user(), access.now()
    with access.writing() as session:
        asked = requests.request_for(session, user, person_request_id, now)
        sections = copies.take(session, asked, now)
    paper = typeset.pdf(rights.__name__, "copy.typ", copy_words.paper(sections, now), now)
    return papers.shown(paper, f"{person_request_id}.pdf")


@blueprint.get("/<int:person_request_id>")
@access.needs(Permission.SEE_CASES)
def page(person_request_id: int) -> ResponseReturnValue:
    """Open one request: its words, clock and answer. The look is on record."""
    user, now = access.user(), access.now()
    with access.writing() as session:
        found = requests.request_for(session, user, person_request_id, now)
        text, answer = requests.view(session, found)
        by = session.get(User, found.answered_by) if found.answered_by else None
        return render_template(
            "console/request.html",
            it=found,
            case=found.case,
            text=text,
            answer=answer,
            by=by,
            answers=requests.answers(user, found),
            today=hours.local_day(now),
        )


@blueprint.post("/<int:person_request_id>")
@access.needs(Permission.SEE_CASES)
def answer(person_request_id: int) -> ResponseReturnValue:
    """Answer it, in writing; the person reads it on the phone page."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        requests.request_for(session, user, person_request_id, now)
        chosen = request.form.get("decision", "")
        if chosen not in ANSWERS:
            raise Invalid("Choose one of the list.", field="decision")
        granted = ANSWERS[chosen]
        requests.answer(
            session, user, person_request_id, granted=granted, note=acts.note(), now=now
        )

    back = url_for("requests.page", person_request_id=person_request_id)
    return acts.done(act, _l("Answered: the person reads it on the phone page."), back)
