"""Education and public-benefit activity on the phone: what, when, where; I am here, I go."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.learning import attendances, tally
from correction_service.presence import checkins
from correction_service.problems import said
from correction_service.web.phone.frame import blueprint
from models.activity import Attendance, Spot
from models.case import Case
from models.errors import DomainError


@blueprint.get("/learning")
@access.person_only
def learning() -> ResponseReturnValue:
    """Show what I am invited to, and my hours of the month."""
    return _shown()


def _shown(refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        case, now = _case(session), access.now()
        page = render_template(
            "phone/learning.html",
            rows=attendances.mine(session, case, now),
            past=attendances.of(session, case.id)[:10],
            credit=tally.of_month(session, case.id, hours.local_day(now)),
            wrong=said(refusal) if refusal else None,
            now=now,
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/learning/<int:attendance_id>/<word>")
@access.person_only
def say_of_learning(attendance_id: int, word: str) -> ResponseReturnValue:
    """Say that I am here, that I go, or that I cannot come."""
    try:
        with access.writing() as session:
            told = _told(session, attendance_id, word)
    except DomainError as refusal:
        return _shown(refusal)
    flash(told)
    return redirect(url_for("phone.learning"))


def _told(session: Session, attendance_id: int, word: str) -> str:
    case, now = _case(session), access.now()
    if word == "here":
        attendance = attendances.begin(session, case, attendance_id, now)
        return _heard(attendance, attendance.began_checkin_id, attendance.began_spot)
    if word == "go":
        attendance = attendances.end(session, case, attendance_id, now)
        return _heard(attendance, attendance.ended_checkin_id, attendance.ended_spot)
    why = request.form.get("why", "")
    attendances.say_unable(session, case, attendance_id, why, now)
    return str(gettext("Your officer reads this. Being unable to come costs nothing."))


def _heard(attendance: Attendance, checkin_id: int | None, spot: Spot | None) -> str:
    """Tell at once what the check says, and that an officer's word will do as well."""
    if checkin_id is None:
        return str(
            gettext("Noted. Check in now and press again, or tell the officer who is there.")
        )
    if spot is Spot.OUTSIDE:
        away_m = attendance.ended_away_m if attendance.ended_at else attendance.began_away_m
        return str(
            gettext(
                "Noted, but your position is %(metres)d m from the place. Positions can be wrong: "
                "tell the officer who is there.",
                metres=away_m or 0,
            )
        )
    if spot is Spot.UNKNOWN:
        return str(gettext("Noted, without a position: the officer who is there says the rest."))
    return str(gettext("Noted. Nothing more is asked."))


def _case(session: Session) -> Case:
    return checkins.current_case(session, access.person_id())
