"""Check-ins to review: enrolled and captured side by side; the next one loads by itself."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload

from correction_service import access
from correction_service.casework import worklist
from correction_service.face.words import ADVICE, Reason
from correction_service.locale import chosen
from correction_service.people import photos, templates
from correction_service.presence import checkin_evidence, duties, reviews
from correction_service.problems import said
from correction_service.scope import visible
from correction_service.tracking import trails
from models.case import Case
from models.checkin import CheckIn, CheckInDuty
from models.errors import DomainError, NotFound
from models.face import StoredPhoto
from models.review import CheckInReview, ReviewConfirmation, ReviewDecision
from models.user import Permission, Role, User

blueprint = APIBlueprint("reviews", __name__, url_prefix="/reviews", enable_openapi=False)
HISTORY = 8
MOST = 50
ENROLLED = 3


@blueprint.get("/")
@access.needs(Permission.SEE_REVIEWS)
def queue() -> ResponseReturnValue:
    """Go to the check-in that waits longest, or say that none does."""
    with access.reading() as session:
        first = next(iter(_waiting(session)), None)
    if first is None:
        return verified()
    return redirect(url_for("reviews.page", checkin_id=first))


@blueprint.get("/verified")
@access.needs(Permission.SEE_REVIEWS)
def verified() -> ResponseReturnValue:
    """List what waits for a second person or is held by a concern, and liveness nobody judged."""
    whose = contains_eager(CheckIn.case).joinedload(Case.person)
    with access.reading() as session:
        provisional = worklist.provisional(access.user()).order_by(CheckIn.at).limit(MOST)
        unjudged = worklist.unjudged(access.user()).order_by(CheckIn.id.desc()).limit(MOST)
        mine = contains_eager(CheckInDuty.case).joinedload(Case.person)
        held = worklist.held(access.user(), access.now()).options(mine)
        held = held.add_columns(duties.of_concern()).order_by(CheckInDuty.missed_after)
        return render_template(
            "console/reviews.html",
            waiting=len(_waiting(session)),
            provisional=session.scalars(provisional.options(whose)).all(),
            unjudged=session.scalars(unjudged.options(whose)).all(),
            held=session.execute(held.limit(MOST)).all(),
        )


@blueprint.get("/<int:checkin_id>")
@access.needs(Permission.SEE_REVIEWS)
def page(checkin_id: int) -> ResponseReturnValue:
    """Show both pictures, what the machine made of them, and what came before."""
    return _page(checkin_id, {})


def _page(
    checkin_id: int, written: Mapping[str, str], refusal: DomainError | None = None
) -> ResponseReturnValue:
    """The page, with what was written where a decision was refused: nothing of it is lost."""
    user = access.user()
    with access.reading() as session:
        checkin = reviews.seen(session, user, checkin_id, Permission.SEE_REVIEWS)
        waiting = _waiting(session)
        shown = render_template(
            "console/review.html",
            checkin=checkin,
            case=checkin.case,
            enrolled=templates.enrolment_photos(session, checkin.case.person)[:ENROLLED],
            history=_history(session, checkin),
            evidence=checkin_evidence.beside(session, checkin),
            waiting=len(waiting),
            next=_after(waiting, checkin.id),
            written=written,
            refusal=refusal and said(refusal),
            field=refusal and refusal.field,
            **_findings(session, user, checkin),
        )
    return shown, refusal.status if refusal else 200


def _waiting(session: Session) -> Sequence[int]:
    """Return the ids of what waits for an officer, oldest first."""
    query = worklist.to_review(access.user()).with_only_columns(CheckIn.id)
    return session.scalars(query.order_by(CheckIn.at, CheckIn.id)).all()


def _after(waiting: Sequence[int], checkin_id: int) -> int | None:
    """Return what is next in the queue, from the front again after its end."""
    place = waiting.index(checkin_id) + 1 if checkin_id in waiting else 0
    return next((other for other in [*waiting[place:], *waiting] if other != checkin_id), None)


def _findings(session: Session, user: User, checkin: CheckIn) -> dict[str, Any]:
    """What officers found, and what of it this user is asked for."""
    found = _by_whom(session, [checkin.id])
    standing = found[-1] if found else None
    provisional = standing is not None and standing.provisional
    mine = standing is not None and standing.by == user.id
    alone = provisional and mine and user.role is Role.COUNTY_HEAD
    wait = timedelta(days=access.service().settings.second_look_days)
    return {
        "reviews": found,
        "standing": standing,
        "second_look": provisional and not mine and user.of_county,
        "alone": alone,
        "others": reviews.others(session, user) if alone else None,
        "alone_from": standing.at + wait if standing else None,
    }


def _by_whom(session: Session, checkin_ids: Sequence[int]) -> Sequence[CheckInReview]:
    """Findings about check-ins, oldest first, with who found and who confirmed them."""
    found = select(CheckInReview).where(CheckInReview.checkin_id.in_(checkin_ids))
    second = joinedload(CheckInReview.confirmation).joinedload(ReviewConfirmation.officer)
    whole = found.options(joinedload(CheckInReview.officer), second)
    return session.scalars(whole.order_by(CheckInReview.id)).all()


def _history(session: Session, checkin: CheckIn) -> list[tuple[CheckIn, CheckInReview | None]]:
    """The person's check-ins before this one, newest first, each with the finding that stands.

    Of every case of theirs that the user may see: a person keeps their face through several.
    """
    theirs = select(Case.id).where(Case.person_id == checkin.case.person_id, visible(access.user()))
    before = select(CheckIn).where(CheckIn.case_id.in_(theirs), CheckIn.id < checkin.id)
    before = before.options(joinedload(CheckIn.case))
    rows = session.scalars(before.order_by(CheckIn.id.desc()).limit(HISTORY)).all()
    found = {it.checkin_id: it for it in _by_whom(session, [row.id for row in rows])}
    return [(row, found.get(row.id)) for row in rows]


@blueprint.post("/<int:checkin_id>")
@access.needs(Permission.SUPERVISE)
def decide(checkin_id: int) -> ResponseReturnValue:
    """Write the finding down and go on to the next."""
    form = request.form
    if form.get("decision") not in set(ReviewDecision):
        raise NotFound("There is no such decision.")
    try:
        with access.writing() as session:
            finding = reviews.review(
                session,
                access.service().settings,
                access.user(),
                checkin_id,
                decision=ReviewDecision(form["decision"]),
                note=form.get("note", ""),
                after=form.get("after", type=int),
                alone_because=form.get("alone_because", ""),
                now=access.now(),
            )
            provisional = finding.provisional
    except DomainError as refusal:
        if refusal.status == NotFound.status:
            raise
        return _page(checkin_id, form, refusal)
    flash(_written(provisional=provisional), "good")
    return redirect(url_for("reviews.queue"))


def _written(*, provisional: bool) -> str:
    if provisional:
        return str(gettext("Written down. It holds once a second person at county level agrees."))
    return str(gettext("Written down."))


@blueprint.post("/<int:checkin_id>/where")
@access.needs(Permission.SEE_LOCATION)
def where(checkin_id: int) -> ResponseReturnValue:
    """Say where the phone was at a check-in; the look is logged."""
    with access.writing() as session:
        checkin = reviews.seen(session, access.user(), checkin_id, Permission.SEE_LOCATION)
        beside = trails.viewed_checkin(session, checkin)
        return render_template("console/_whereabouts.html", checkin=checkin, beside=beside)


@blueprint.post("/<int:checkin_id>/positions")
@access.needs(Permission.SEE_LOCATION)
def positions(checkin_id: int) -> ResponseReturnValue:
    """Say what the positions of phone and bracelet show of a check-in; the look is logged."""
    with access.writing() as session:
        checkin = reviews.seen(session, access.user(), checkin_id, Permission.SEE_LOCATION)
        found = checkin_evidence.viewed_positions(session, checkin)
        return render_template("console/_positions.html", checkin=checkin, found=found)


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
