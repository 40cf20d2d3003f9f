"""Whom a person is to keep away from, and the agency's places where meeting is no contact."""

from datetime import datetime, time, timedelta

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.people import intake
from correction_service.scope import case_for
from correction_service.web.console import acts, decisions
from correction_service.zones import company
from correction_service.zones.company import Terms
from models.case import LEGAL_ZONE
from models.errors import DomainError, Invalid, NotFound
from models.user import Permission

blueprint = APIBlueprint("company", __name__, enable_openapi=False)


@blueprint.post("/cases/<int:case_id>/company")
@access.needs(Permission.SUPERVISE)
def forbid(case_id: int) -> ResponseReturnValue:
    """Record that an order keeps people apart; a refusal shows at its field."""
    try:
        with access.writing() as session:
            user, now = access.user(), access.now()
            case_for(session, user, case_id, Permission.SUPERVISE)
            company.forbid(session, user, case_id, _terms(now), now)
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return decisions.shown(case_id, refusal)
    flash(gettext("Recorded. From now on they are looked at while both wear a bracelet."), "good")
    return redirect(decisions.back(case_id))


def _terms(now: datetime) -> Terms:
    form = request.form
    return Terms(
        numbers=form.get("numbers", "").replace(",", " ").replace("，", " ").split(),
        named=form.get("named"),
        basis=form.get("basis", ""),
        valid_from=now,
        valid_to=_end_of_day("valid_to"),
    )


def _end_of_day(field: str) -> datetime | None:
    text = request.form.get(field, "").strip()
    if not text:
        return None
    day = intake.day_of(field, text) + timedelta(days=1)
    return datetime.combine(day, time.min, tzinfo=LEGAL_ZONE)


@blueprint.post("/cases/<int:case_id>/company/<int:ban_id>/lift")
@access.needs(Permission.SUPERVISE)
def lift(case_id: int, ban_id: int) -> ResponseReturnValue:
    """Record that they may meet from now on."""

    def act(session: Session) -> None:
        ban = company.ban_for(session, access.user(), ban_id)
        if case_id not in {it.case_id for it in ban.members}:
            raise NotFound("There is no such ban on contact in your offices.")
        company.lift(session, access.user(), ban_id, access.now())

    return acts.done(act, _l("They may meet from now on."), decisions.back(case_id))


@blueprint.get("/meeting-places/")
@access.needs(Permission.SUPERVISE)
def places() -> ResponseReturnValue:
    """List where meeting is no contact, with the form for another place."""
    with access.reading() as session:
        found = company.places(session, access.user().agency_id, access.now())
        return render_template("console/meeting_places.html", meeting_places=found)


@blueprint.post("/meeting-places/")
@access.needs(Permission.ASSIGN)
def add_place() -> ResponseReturnValue:
    """Add a place of the agency."""

    def act(session: Session) -> None:
        company.add_place(
            session,
            access.user(),
            request.form.get("name", ""),
            at=(_number("lat"), _number("lon")),
            radius_m=_number("radius_m"),
            now=access.now(),
        )

    return acts.done(act, _l("The place is kept."), url_for("company.places"))


def _number(field: str) -> float:
    try:
        return float(request.form.get(field, ""))
    except ValueError:
        raise Invalid("Write a number.", field=field) from None


@blueprint.post("/meeting-places/<int:place_id>/end")
@access.needs(Permission.ASSIGN)
def end_place(place_id: int) -> ResponseReturnValue:
    """End a place."""
    user, now = access.user(), access.now()
    return acts.done(
        lambda session: company.end_place(session, user, place_id, now),
        _l("Meeting there counts as anywhere else from now on."),
        url_for("company.places"),
    )
