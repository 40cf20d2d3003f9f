"""Education and public-benefit activity: the list, one activity with who came, a person's hours."""

from enum import StrEnum
from typing import Any, TypeVar

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.learning import activities, attendances, offline, tally
from correction_service.learning.activities import Plan, Spot
from correction_service.problems import said
from correction_service.web import typed
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from models.activity import ActivityKind, Excuse
from models.errors import DomainError, Invalid
from models.user import Permission

blueprint = APIBlueprint("learning", __name__, url_prefix="/learning", enable_openapi=False)
MOST = 200
RADIUS_M = "200"
Kind = TypeVar("Kind", bound=StrEnum)


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List what is arranged, the latest first, and the form to arrange more."""
    return _index()


def _index(refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        page = render_template(
            "console/learning.html",
            rows=session.scalars(activities.listed(access.user()).limit(MOST)).all(),
            kinds=words.options(ActivityKind),
            values=request.form if refusal else {"radius_m": RADIUS_M, "capacity": "20"},
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/")
@access.needs(Permission.SUPERVISE)
def arrange() -> ResponseReturnValue:
    """Arrange something; a refusal shows at its field and what was typed stays."""
    try:
        with access.writing() as session:
            made = activities.arrange(session, access.user(), _plan(), access.now())
            activity_id = made.id
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return _index(refusal)
    flash(gettext("Arranged. Now invite people."), "good")
    return redirect(url_for("learning.page", activity_id=activity_id))


def _plan() -> Plan:
    form = request.form
    return Plan(
        kind=typed.one_of(ActivityKind, "kind"),
        title=form.get("title", ""),
        course=form.get("course", ""),
        tasks=form.get("tasks", ""),
        minors=form.get("minors") == "1",
        place=form.get("place", ""),
        spot=_spot(),
        starts_at=typed.moment("starts_at"),
        ends_at=typed.moment("ends_at"),
        capacity=_whole("capacity"),
    )


def _spot() -> Spot | None:
    if not request.form.get("lat", "").strip() and not request.form.get("lon", "").strip():
        return None
    lat, lon, radius_m = (_number(field) for field in ("lat", "lon", "radius_m"))
    return Spot(lat=lat, lon=lon, radius_m=radius_m)


def _number(field: str) -> float:
    try:
        return float(request.form.get(field, ""))
    except ValueError:
        raise Invalid("Give a number.", field=field) from None


def _whole(field: str) -> int:
    given = request.form.get(field, "").strip()
    if not given.isdecimal() or len(given) > len("10000"):
        raise Invalid("Give a whole number.", field=field)
    return int(given)


@blueprint.get("/<int:activity_id>")
@access.needs(Permission.SEE_CASES)
def page(activity_id: int) -> ResponseReturnValue:
    """Show one activity: who is invited, what their checks say, who came."""
    with access.reading() as session:
        user, now = access.user(), access.now()
        activity = activities.activity_for(session, user, activity_id)
        return render_template(
            "console/activity.html",
            activity=activity,
            ends=activities.owned_by(user, activity),
            rows=activities.roster(session, user, activity),
            candidates=activities.candidates(session, user, activity, now),
            excuses=words.options(Excuse),
            lists=offline.given(session, activity),
        )


@blueprint.post("/<int:activity_id>/invite")
@access.needs(Permission.SUPERVISE)
def invite(activity_id: int) -> ResponseReturnValue:
    """Put the chosen people on the list."""

    def act(session: Session) -> None:
        chosen = [int(it) for it in request.form.getlist("case") if it.isdecimal()]
        activities.invite(session, access.user(), activity_id, chosen, access.now())

    return _done(act, activity_id, _l("Invited. Their phone pages say when and where."))


@blueprint.post("/<int:activity_id>/cancel")
@access.needs(Permission.SUPERVISE)
def cancel(activity_id: int) -> ResponseReturnValue:
    """Call it off."""

    def act(session: Session) -> None:
        activities.cancel(session, access.user(), activity_id, acts.note(), access.now())

    return _done(act, activity_id, _l("Called off, and everybody is told."))


@blueprint.post("/<int:activity_id>/close")
@access.needs(Permission.SUPERVISE)
def close(activity_id: int) -> ResponseReturnValue:
    """Close the list."""

    def act(session: Session) -> None:
        attendances.close(session, access.user(), activity_id, access.now())

    return _done(act, activity_id, _l("The list is closed."))


def _done(act: Any, activity_id: int, message: LazyString) -> ResponseReturnValue:  # noqa: ANN401 - an act
    return acts.done(act, message, url_for("learning.page", activity_id=activity_id))


@blueprint.post("/attendances/<int:attendance_id>/attend")
@access.needs(Permission.SUPERVISE)
def attend(attendance_id: int) -> ResponseReturnValue:
    """Write down that somebody was there."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        attendances.attendance_for(session, user, attendance_id)  # else it is not theirs
        minutes, note = _whole("minutes"), acts.note()
        attendances.attend(session, user, attendance_id, minutes=minutes, note=note, now=now)

    return acts.done(act, _l("Written down."), url_for("learning.index"))


@blueprint.post("/attendances/<int:attendance_id>/excuse")
@access.needs(Permission.SUPERVISE)
def excuse(attendance_id: int) -> ResponseReturnValue:
    """Write down a good reason for not being there."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        attendances.attendance_for(session, user, attendance_id)  # else it is not theirs
        why, note = typed.one_of(Excuse, "excuse"), acts.note()
        attendances.excuse(session, user, attendance_id, why, note=note, now=now)

    return acts.done(act, _l("Excused: it costs nothing."), url_for("learning.index"))


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def of_case(case_id: int) -> ResponseReturnValue:
    """Show a person's invitations and the hours of the month."""
    with access.reading() as session:
        head = head_of(session, case_id)
        return render_template(
            "console/case/learning.html",
            **head,
            tab="learning",
            rows=attendances.of(session, case_id),
            credit=tally.of_month(session, case_id, hours.local_day(access.now())),
        )
