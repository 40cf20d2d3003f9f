"""Check-ins to review: enrolled and captured side by side; the next one loads by itself."""

from collections.abc import Sequence
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from correction_service import access
from correction_service.casework import worklist
from correction_service.face.words import ADVICE, Reason
from correction_service.locale import chosen
from correction_service.people import photos, templates
from correction_service.presence import reviews
from correction_service.problems import said
from correction_service.scope import visible
from correction_service.tracking import trails
from models.case import Case
from models.checkin import CheckIn
from models.errors import DomainError, NotFound
from models.face import StoredPhoto
from models.review import CheckInReview, ReviewDecision
from models.user import Permission

blueprint = APIBlueprint("reviews", __name__, url_prefix="/reviews", enable_openapi=False)
HISTORY = 6
MOST = 50
ENROLLED = 3


@blueprint.get("/")
@access.needs(Permission.SEE_PHOTOS)
def queue() -> ResponseReturnValue:
    """Go to the check-in that waits longest, or say that none does."""
    with access.reading() as session:
        first = next(iter(_waiting(session)), None)
    if first is None:
        return verified()
    return redirect(url_for("reviews.page", checkin_id=first))


@blueprint.get("/verified")
@access.needs(Permission.SEE_PHOTOS)
def verified() -> ResponseReturnValue:
    """List what the machine took for the person while nobody judged liveness, newest first."""
    with access.reading() as session:
        query = worklist.unjudged(access.user()).order_by(CheckIn.id.desc()).limit(MOST)
        whose = contains_eager(CheckIn.case).joinedload(Case.person)
        return render_template(
            "console/reviews.html",
            waiting=len(_waiting(session)),
            unjudged=session.scalars(query.options(whose)).all(),
        )


@blueprint.get("/<int:checkin_id>")
@access.needs(Permission.SEE_PHOTOS)
def page(checkin_id: int) -> ResponseReturnValue:
    """Show both pictures, what the machine made of them, and what came before."""
    with access.reading() as session:
        checkin = reviews.seen(session, access.user(), checkin_id, Permission.SEE_PHOTOS)
        case = checkin.case
        waiting = _waiting(session)
        found = select(CheckInReview).where(CheckInReview.checkin_id == checkin.id)
        before = select(CheckIn).where(CheckIn.case_id == case.id, CheckIn.id != checkin.id)
        return render_template(
            "console/review.html",
            checkin=checkin,
            case=case,
            enrolled=templates.enrolment_photos(session, case.person)[:ENROLLED],
            reviews=session.scalars(found.order_by(CheckInReview.id)).all(),
            history=session.scalars(before.order_by(CheckIn.id.desc()).limit(HISTORY)).all(),
            waiting=len(waiting),
            next=next((other for other in waiting if other > checkin.id), None),
        )


def _waiting(session: Session) -> Sequence[int]:
    """Return the ids of what waits for an officer, oldest first."""
    query = worklist.to_review(access.user()).with_only_columns(CheckIn.id)
    return session.scalars(query.order_by(CheckIn.at, CheckIn.id)).all()


@blueprint.post("/<int:checkin_id>")
@access.needs(Permission.SUPERVISE)
def decide(checkin_id: int) -> ResponseReturnValue:
    """Write the finding down and go on to the next."""
    decision, note = request.form.get("decision", ""), request.form.get("note", "")
    try:
        if decision not in set(ReviewDecision):
            raise NotFound("There is no such decision.")
        with access.writing() as session:
            reviews.review(
                session,
                access.service().settings,
                access.user(),
                checkin_id,
                decision=ReviewDecision(decision),
                note=note,
                now=access.now(),
            )
    except DomainError as refusal:
        if refusal.status == NotFound.status:
            raise
        flash(said(refusal), "error")
        return redirect(url_for("reviews.page", checkin_id=checkin_id))
    flash(gettext("Written down."), "good")
    return redirect(url_for("reviews.queue"))


@blueprint.post("/<int:checkin_id>/where")
@access.needs(Permission.SEE_LOCATION)
def where(checkin_id: int) -> ResponseReturnValue:
    """Say where the phone was at a check-in; the look is logged."""
    with access.writing() as session:
        checkin = reviews.seen(session, access.user(), checkin_id, Permission.SEE_LOCATION)
        beside = trails.viewed_checkin(session, checkin)
        return render_template("console/_whereabouts.html", checkin=checkin, beside=beside)


@blueprint.get("/photos/<uuid:photo_id>")
@access.needs(Permission.SEE_PHOTOS)
def photo(photo_id: UUID) -> ResponseReturnValue:
    """Open one photo; the look is logged and no browser keeps it."""
    with access.writing() as session:
        stored = session.get(StoredPhoto, photo_id)
        mine = select(Case.id).where(visible(access.user()))
        if stored is None or not session.scalar(mine.where(Case.person_id == stored.person_id)):
            raise NotFound("There is no such photo.")
        data = photos.view(session, access.service().settings, stored)
    return Response(data, mimetype="image/jpeg", headers={"Cache-Control": "no-store"})


@blueprint.app_template_filter()
def advice(code: str) -> str:
    """Say a reason of the face check."""
    return getattr(ADVICE[Reason(code)], chosen()) if code in set(Reason) else code
