"""Home, messages and another way: what the person sees of their own case."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.casework import leaves, orders, points
from correction_service.incidents import shifts
from correction_service.law import hotlines
from correction_service.learning import attendances, tally
from correction_service.messages import notices
from correction_service.people import cases
from correction_service.presence import agenda, checkins, help_requests
from correction_service.web.phone.frame import blueprint
from correction_service.zones import destinations
from models.case import ENDED, Case
from models.errors import Invalid, Refused
from models.help_request import HelpKind
from models.phone import PhoneAccess
from models.zone import Zone, ZoneKind


@blueprint.get("/")
@access.person_only
def home() -> ResponseReturnValue:
    """Say what is next, then how I stand. Showing the messages proves that they arrived."""
    settings, now = access.service().settings, access.now()
    with access.writing() as session:
        case = cases.latest_case(session, access.person_id())
        if case.state in ENDED:
            over = hours.local_day(now) > case.term_end
            ordered = bool(orders.of(session, case))
            return render_template("phone/ended.html", case=case, over=over, ordered=ordered)
        messages = notices.shown(session, access.person_id(), now, settings)
        return render_template(
            "phone/home.html",
            case=case,
            messages=messages[:1],
            next=agenda.upcoming(session, case, now),
            last=checkins.last(session, access.person_id()),
            month=month_of(session, case),
            credit=tally.of_month(session, case.id, hours.local_day(now)),
            appointments=attendances.mine(session, case, now)[:1],
            zones=_zones(session, case),
            keep_out=_keep_out(session, case),
            leave=leaves.current(session, case),
            order=orders.in_force(session, case, now),
            ordered=bool(orders.of(session, case)),
            destination=destinations.called,
            asked=help_requests.open_of(session, case),
            now=now,
        )


def month_of(session: Session, case: Case) -> points.MonthBalance | None:
    """This month's points, or None where no rulebook is in force yet."""
    day = hours.local_day(access.now())
    try:
        return points.balance(session, case.id, day, access.now())
    except Refused:
        return None


def _zones(session: Session, case: Case) -> list[Zone]:
    """Where to keep to."""
    asked = select(Zone).where(_in_force(case), Zone.kind != ZoneKind.EXCLUSION)
    return list(session.scalars(asked.order_by(Zone.id)))


def _keep_out(session: Session, case: Case) -> list[str | None]:
    """Where to keep out, as the order words it; None where its words are not on file.

    Nothing else: a border, even a name, may tell where a victim lives.
    """
    asked = select(Zone.wording).where(_in_force(case), Zone.kind == ZoneKind.EXCLUSION)
    return list(session.scalars(asked.order_by(Zone.id)))


def _in_force(case: Case) -> ColumnElement[bool]:
    now = access.now()
    current = or_(Zone.valid_to.is_(None), Zone.valid_to > now)
    return and_(Zone.case_id == case.id, Zone.valid_from <= now, current)


@blueprint.get("/messages")
@access.person_only
def messages() -> ResponseReturnValue:
    """Every message; showing them proves that they arrived."""
    with access.writing() as session:
        settings = access.service().settings
        shown = notices.shown(session, access.person_id(), access.now(), settings)
        return render_template("phone/messages.html", messages=shown)


@blueprint.route("/help", methods=["GET", "POST"])
@access.person_only
def ask() -> ResponseReturnValue:
    """Ask for a call, for help or for another way of checking in: costs nothing."""
    if request.method == "POST":
        try:
            kind = HelpKind(request.form.get("kind", ""))
        except ValueError:
            raise Invalid("Choose what you need.", field="kind") from None
        with access.writing() as session:
            case = checkins.current_case(session, access.person_id())
            help_requests.ask(session, case, kind, access.now())
        flash(gettext("Your officer has been told and will call you. This counts as no fault."))
        return redirect(url_for("phone.ask"))
    with access.reading() as session:
        case = checkins.current_case(session, access.person_id())
        phone = session.get(PhoneAccess, access.person_id())
        return render_template(
            "phone/help.html",
            asked=help_requests.standing(session, case),
            office=case.office,
            duty=shifts.OnDuty(session, access.now()).of(case),
            hotlines=hotlines.hotlines_of(session),
            no_smartphone=phone is not None and phone.no_smartphone,
        )
