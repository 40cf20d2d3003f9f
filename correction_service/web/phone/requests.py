"""My rights: a copy of my data, a correction, a petition; what I asked and what was answered."""

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from correction_service import access, typeset
from correction_service import rights as rooms
from correction_service.db import ring_of
from correction_service.law.limits import bounds_of
from correction_service.people import cases
from correction_service.problems import said
from correction_service.rights import copies, requests
from correction_service.rights.requests import LIMITS
from correction_service.web.phone import copy_words
from correction_service.web.phone.frame import blueprint
from correction_service.web.wishes import wish
from models.errors import DomainError, NotFound
from models.person_request import Addressee, KeptField, RequestKind


@blueprint.get("/rights")
@access.person_only
def my_rights() -> ResponseReturnValue:
    """Show what I may ask for, and what came of what I asked."""
    with access.reading() as session:
        case = cases.latest_case(session, access.person_id())
        ring = ring_of(session)
        rows = [
            (it, it.reveal(ring, "text"), it.reveal(ring, "answer"))
            for it in requests.of(session, case.id)
        ]
        return render_template("phone/rights.html", rows=rows)


@blueprint.get("/rights/<kind>")
@access.person_only
def ask_right(kind: str) -> ResponseReturnValue:
    """Show the form of one right, and by when the answer is due."""
    return _form(_kind(kind))


def _form(kind: RequestKind, refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        case = cases.latest_case(session, access.person_id())
        page = render_template(
            "phone/ask_right.html",
            kind=kind,
            limit=bounds_of(session)[LIMITS[kind]],
            officers=requests.officers(session, case),
            fields=list(KeptField),
            addressees=list(Addressee),
            values=request.form if refusal else {},
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/rights/<kind>")
@access.person_only
def send_right(kind: str) -> ResponseReturnValue:
    """Send a request; a refusal of what was typed shows at its field, and nothing is lost."""
    asked = _kind(kind)
    try:
        with access.writing() as session:
            case = cases.latest_case(session, access.person_id())
            made = requests.ask(session, case, wish(asked), access.now())
            due = made.due_on.isoformat()
    except DomainError as refusal:
        return _form(asked, refusal)
    flash(gettext("Your request has arrived. It is answered by %(day)s.", day=due))
    return redirect(url_for("phone.my_rights"))


@blueprint.post("/rights/requests/<int:mine_id>/carry-on")
@access.person_only
def carry_on_right(mine_id: int) -> ResponseReturnValue:
    """Turn to the procuratorate with what the agency declined."""
    with access.writing() as session:
        case = cases.latest_case(session, access.person_id())
        requests.carry_on(session, case, mine_id, access.now())
    flash(gettext("Noted: the procuratorate can read your request and the answer."))
    return redirect(url_for("phone.my_rights"))


@blueprint.get("/rights/requests/<int:mine_id>/copy.<form>")
@access.person_only
def my_copy(mine_id: int, form: str) -> ResponseReturnValue:
    """Take the copy that an officer released: as a paper, or as data for programs."""
    if form not in {"pdf", "json"}:
        raise NotFound("There is no such page.")
    now = access.now()
    with access.writing() as session:
        case = cases.latest_case(session, access.person_id())
        asked = requests.mine(session, case, mine_id)
        sections = copies.take(session, asked, now)
    if form == "json":
        answer = jsonify(copy_words.data(sections, now))
    else:
        paper = typeset.pdf(rooms.__name__, "copy.typ", copy_words.paper(sections, now), now)
        answer = Response(paper, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="my-data.{form}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _kind(name: str) -> RequestKind:
    if name not in set(RequestKind):
        raise NotFound("There is no such page.")
    return RequestKind(name)
