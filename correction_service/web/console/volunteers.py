"""Volunteers: their register and checked hours; their own narrow seat; the log of visits, calls."""

from datetime import datetime

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import contacts
from correction_service.casework.contacts import Note
from correction_service.learning import volunteers
from correction_service.people.cases import open_case_for
from correction_service.web.console import acts, words
from models.case import LEGAL_ZONE
from models.errors import Invalid
from models.user import Permission
from models.volunteer import ContactKind

blueprint = APIBlueprint("volunteers", __name__, url_prefix="/volunteers", enable_openapi=False)


@blueprint.get("/")
@access.needs(Permission.SUPERVISE)
def index() -> ResponseReturnValue:
    """List the volunteers with their hours, and what they wrote down that nobody has checked."""
    with access.reading() as session:
        return render_template(
            "console/volunteers.html",
            rows=volunteers.register(session, access.user()),
            unchecked=volunteers.unchecked(session, access.user()),
        )


@blueprint.post("/")
@access.needs(Permission.SUPERVISE)
def propose() -> ResponseReturnValue:
    """Put somebody on the register."""

    def act(session: Session) -> None:
        volunteers.propose(
            session,
            access.user(),
            name=request.form.get("name", ""),
            skills=request.form.get("skills", ""),
            username=request.form.get("username", ""),
            now=access.now(),
        )

    return acts.done(act, _l("Proposed. Somebody else accepts them."), url_for("volunteers.index"))


@blueprint.post("/<int:volunteer_id>")
@access.needs(Permission.SUPERVISE)
def review(volunteer_id: int) -> ResponseReturnValue:
    """Accept a volunteer, or end it."""
    accept = request.form.get("decision") == "accept"

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        volunteers.review(session, user, volunteer_id, acts.note(), now, accept=accept)

    return acts.done(act, _l("Written down."), url_for("volunteers.index"))


@blueprint.post("/contacts/<int:contact_id>")
@access.needs(Permission.SUPERVISE)
def check(contact_id: int) -> ResponseReturnValue:
    """Say whether the hours of a visit count."""
    counts = request.form.get("decision") == "counts"

    def act(session: Session) -> None:
        volunteers.check(session, access.user(), contact_id, access.now(), counts=counts)

    return acts.done(act, _l("Written down."), url_for("volunteers.index"))


@blueprint.post("/contacts/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def write(case_id: int) -> ResponseReturnValue:
    """An officer writes down a visit, call, talk or report."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        open_case_for(session, user, case_id, Permission.SUPERVISE)  # else it is not theirs
        contacts.write(session, user, case_id, _note(), now)

    return acts.done(act, _l("Written down."), url_for("cases.page", case_id=case_id))


@blueprint.get("/mine")
@access.needs(Permission.ACCOMPANY)
def mine() -> ResponseReturnValue:
    """The volunteer's own seat: whom they accompany, when the next meeting is, what they wrote."""
    with access.reading() as session:
        user = access.user()
        people = volunteers.entrusted(session, user, access.now())
        return render_template(
            "console/volunteer.html",
            people=people,
            names={it.case_id: it.name for it in people},  # of others no more than that they were
            written=volunteers.own(session, user),
            kinds=words.options(ContactKind)[:3],
        )


@blueprint.post("/mine")
@access.needs(Permission.ACCOMPANY)
def tell() -> ResponseReturnValue:
    """A volunteer writes down a visit or a call."""

    def act(session: Session) -> None:
        case_id = request.form.get("person", type=int) or 0
        volunteers.write(session, access.user(), case_id, _note(), access.now())

    return acts.done(act, _l("Written down. An officer checks the hours."), url_for(".mine"))


def _note() -> Note:
    form = request.form
    try:
        at = datetime.fromisoformat(form.get("happened_at", ""))
        kind = ContactKind(form.get("kind", ""))
    except ValueError:
        raise Invalid("Choose what it was, and give a day and an hour.", field="kind") from None
    minutes = form.get("minutes", "").strip()
    if not minutes.isdecimal() or len(minutes) > len("1000"):
        raise Invalid("Give a whole number.", field="minutes")
    return Note(
        kind=kind,
        happened_at=at if at.tzinfo else at.replace(tzinfo=LEGAL_ZONE),
        minutes=int(minutes),
        said=acts.note(),
    )
