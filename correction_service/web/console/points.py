"""Points: drafts of every case to confirm or refuse, and entries to take back."""

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session, contains_eager, joinedload

from correction_service import access
from correction_service.casework import by_hand, points, worklist
from correction_service.casework.by_hand import Proposal
from correction_service.people import intake
from correction_service.scope import case_for
from correction_service.web.console import acts, ledger
from models.case import Case
from models.errors import NotFound
from models.points import PointsDraft, PointsEntry
from models.user import Permission

blueprint = APIBlueprint("points", __name__, url_prefix="/points", enable_openapi=False)
PAGE = 30


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List what the machine proposes, oldest first; nothing counts until an officer says so."""
    page = max(request.args.get("page", 1, type=int), 1)
    query = (
        worklist.to_confirm(access.user())
        .join(Case.person)
        .options(contains_eager(PointsDraft.case).contains_eager(Case.person))
        .options(joinedload(PointsDraft.rulebook))
        .order_by(PointsDraft.id)
    )
    with access.reading() as session:
        rows = session.scalars(query.offset((page - 1) * PAGE).limit(PAGE + 1)).all()
        return render_template(
            "console/points.html", drafts=rows[:PAGE], page=page, more=len(rows) > PAGE
        )


def _draft(session: Session, draft_id: int) -> PointsDraft:
    draft = session.get(PointsDraft, draft_id)
    if draft is None:
        raise NotFound("There is no such draft in your offices.")
    case_for(session, access.user(), draft.case_id, Permission.CONFIRM_POINTS)
    return draft


@blueprint.post("/cases/<int:case_id>/drafts")
@access.needs(Permission.SUPERVISE)
def propose(case_id: int) -> ResponseReturnValue:
    """Draft by hand what no sweep can see; somebody else confirms it."""

    def act(session: Session) -> None:
        case_for(session, access.user(), case_id, Permission.SUPERVISE)  # else it is not theirs
        form = request.form
        proposal = Proposal(
            item=form.get("item", ""),
            happened_on=intake.day_of("happened_on", form.get("happened_on", "")),
            fact=form.get("facts", ""),
        )
        by_hand.propose(session, access.user(), case_id, proposal, access.now())

    message = _l("Proposed. Somebody else confirms it.")
    return acts.done(act, message, url_for("cases.points", case_id=case_id))


@blueprint.post("/drafts/<int:draft_id>/confirm")
@access.needs(Permission.CONFIRM_POINTS)
def confirm(draft_id: int) -> ResponseReturnValue:
    """Make the draft an entry, in the officer's words; the person is told."""

    def act(session: Session) -> None:
        draft = _draft(session, draft_id)
        points.confirm(session, draft, access.user().id, access.now(), acts.note())

    return acts.done(act, _l("Entered, and the person is told."), url_for("points.index"))


@blueprint.post("/drafts/<int:draft_id>/refuse")
@access.needs(Permission.CONFIRM_POINTS)
def refuse(draft_id: int) -> ResponseReturnValue:
    """Drop the draft with a reason; a protected reason holds for the fact for good."""
    excuse = request.form.get("excuse") or None

    def act(session: Session) -> None:
        draft = _draft(session, draft_id)
        points.refuse(session, draft, access.user().id, access.now(), acts.note(), excuse=excuse)

    return acts.done(act, _l("Refused: nothing is deducted."), url_for("points.index"))


@blueprint.post("/entries/<int:entry_id>/reverse")
@access.needs(Permission.CONFIRM_POINTS)
def reverse(entry_id: int) -> ResponseReturnValue:
    """Take an entry back with a second one; the person is told."""

    def act(session: Session) -> None:
        entry = session.get(PointsEntry, entry_id)
        if entry is None:
            raise NotFound("There is no such entry in your offices.")
        case_for(session, access.user(), entry.case_id, Permission.CONFIRM_POINTS)
        points.reverse(session, entry, access.user().id, access.now(), acts.note())

    return acts.done(act, _l("Taken back, and the person is told."), url_for("points.index"))


blueprint.app_template_filter("item")(lambda row, book: ledger.word(book, row.item))
blueprint.app_template_filter("item_word")(lambda code, book: ledger.word(book, code))
blueprint.app_template_filter("excuses")(ledger.excuses)
