"""The set-up of one case, step by step: each a small form that keeps what was typed on error."""

from collections.abc import Callable
from datetime import time, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import segno
from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.law import clock_rules
from correction_service.people import cases, enrolment_steps, persons, phones
from correction_service.presence import duties
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts, enrol_words, words
from correction_service.zones import boundaries
from models.device import Binding, Device, Gateway
from models.errors import DomainError, Invalid
from models.identity import Sex
from models.phone import ACTIVATION_FOR
from models.user import Permission

blueprint = APIBlueprint("enrol_steps", __name__, url_prefix="/enrol", enable_openapi=False)
Kind = TypeVar("Kind", bound=StrEnum)
WEEK = "1234567"


@blueprint.get("/<int:case_id>")
@access.needs(Permission.ENROL)
def show(case_id: int) -> ResponseReturnValue:
    """Show what is done and what is next."""
    return _page(case_id)


def _page(
    case_id: int, step: str = "", refusal: DomainError | None = None, **more: object
) -> ResponseReturnValue:
    errors = {refusal.field or step: said(refusal)} if refusal else {}
    with access.reading() as session:
        case = case_for(session, access.user(), case_id, Permission.ENROL)
        setup = enrolment_steps.of(session, case, access.now())
        page = render_template(
            "console/enrol/steps.html",
            setup=setup,
            case=case,
            report_by=clock_rules.report_by(session, case.effective_on),
            now=access.now(),
            second=timedelta(seconds=1),  # an end is the first moment after
            today=cases.legal_day(access.now()),
            wrong_step=step,
            errors=errors,
            values=request.form if step else {},
            bracelets=_free_bracelets(session, case.agency_id),
            near=[(it.code, it.name) for it in boundaries.near(case.agency.division)],
            together=boundaries.together(case.agency.division),
            **_choices(),
            **more,
        )
    return page, refusal.status if refusal else 200


def _choices() -> dict[str, Any]:
    return {
        "titles": enrol_words.TITLES,
        "weekdays": enrol_words.weekdays(),
        "parts_said": enrol_words.PARTS,
        "sexes": words.options(Sex),
        "parts": [(part, enrol_words.PARTS[part]) for part in cases.TEAM_PARTS],
    }


def _free_bracelets(session: Session, agency_id: int) -> list[str]:
    worn = select(Binding.device_id).where(Binding.unbound_at.is_(None))
    query = select(Device.name).join(Gateway).where(Gateway.agency_id == agency_id)
    return list(session.scalars(query.where(Device.id.not_in(worn)).order_by(Device.name)))


def attempt(case_id: int, step: str, act: Callable[[Session], object]) -> ResponseReturnValue:
    """Do one step in one transaction and go back to it; a refusal shows at its field."""
    try:
        with access.writing() as session:
            act(session)
    except DomainError as refusal:
        if refusal.status in acts.GONE and refusal.field is None:
            raise
        return _page(case_id, step, refusal)
    return redirect(url_for("enrol_steps.show", case_id=case_id, _anchor=f"step-{step}"))


@blueprint.post("/<int:case_id>/team")
@access.needs(Permission.ENROL)
def add_member(case_id: int) -> ResponseReturnValue:
    """Put someone on the team."""
    form = request.form
    return attempt(
        case_id,
        "team",
        lambda session: cases.add_team_member(
            session,
            access.user(),
            case_id,
            name=form.get("name", ""),
            sex=typed.one_of(Sex, "sex"),
            part=form.get("part", ""),
            username=form.get("username", ""),
        ),
    )


@blueprint.post("/<int:case_id>/team/<int:member_id>/remove")
@access.needs(Permission.ENROL)
def remove_member(case_id: int, member_id: int) -> ResponseReturnValue:
    """Take someone off the team."""
    return attempt(
        case_id,
        "team",
        lambda session: cases.remove_team_member(session, access.user(), case_id, member_id),
    )


@blueprint.post("/<int:case_id>/report-in")
@access.needs(Permission.ENROL)
def report_in(case_id: int) -> ResponseReturnValue:
    """Record the day of reporting in."""

    def act(session: Session) -> None:
        day = typed.day("reported_on")
        cases.report_in(session, access.user(), case_id, day, access.now())

    return attempt(case_id, "report_in", act)


@blueprint.post("/<int:case_id>/contact")
@access.needs(Permission.ENROL)
def contact(case_id: int) -> ResponseReturnValue:
    """Set phone or address anew; a field left empty stays as it was."""
    given = {name: request.form.get(name, "").strip() or None for name in ("phone", "address")}
    return attempt(
        case_id,
        "phone",
        lambda session: persons.change_contact(session, access.user(), case_id, **given),
    )


@blueprint.post("/<int:case_id>/phone/code")
@access.needs(Permission.ENROL)
def code(case_id: int) -> ResponseReturnValue:
    """Give a new activation code; it is on this page and never again."""
    with access.writing() as session:
        case = cases.open_case_for(session, access.user(), case_id, Permission.ENROL)
        offered = phones.offer(session, case.person, access.now())
    address = f"{access.service().settings.public_url.rstrip('/')}/m/activate#{offered}"
    return _page(
        case_id,
        code=offered,
        code_until=access.now() + ACTIVATION_FOR,
        code_address=address.partition("#")[0],
        code_picture=segno.make(address, error="m").svg_data_uri(scale=4, border=2),
    )


@blueprint.post("/<int:case_id>/phone/unlock")
@access.needs(Permission.ENROL)
def unlock(case_id: int) -> ResponseReturnValue:
    """Open a phone page that wrong PINs have closed."""

    def act(session: Session) -> None:
        case = cases.open_case_for(session, access.user(), case_id, Permission.ENROL)
        phones.unlock(session, case.person)

    return attempt(case_id, "phone", act)


@blueprint.post("/<int:case_id>/phone/none")
@access.needs(Permission.ENROL)
def no_smartphone(case_id: int) -> ResponseReturnValue:
    """Note that the person has no smartphone, or has one now."""

    def act(session: Session) -> None:
        person = cases.open_case_for(session, access.user(), case_id, Permission.ENROL).person
        phones.set_no_smartphone(session, person, without=request.form.get("without") == "1")

    return attempt(case_id, "phone", act)


@blueprint.post("/<int:case_id>/plan")
@access.needs(Permission.ENROL)
def plan(case_id: int) -> ResponseReturnValue:
    """Set when the person checks in."""

    def act(session: Session) -> None:
        case = case_for(session, access.user(), case_id, Permission.ENROL)
        duties.plan(
            session,
            case,
            access.service().settings,
            weekdays="".join(day for day in WEEK if day in request.form.getlist("weekday")),
            opens=_clock("opens"),
            closes=_clock("closes"),
            late_minutes=_whole("late_minutes"),
            spot_checks="spot_checks" in request.form,
        )

    return attempt(case_id, "plan", act)


def _clock(field: str) -> time:
    try:
        return time.fromisoformat(request.form.get(field, ""))
    except ValueError:
        raise Invalid("Write the time as 09:00.", field=field) from None


def _whole(field: str) -> int:
    text = request.form.get(field, "").strip()
    if not (text.isascii() and text.isdigit()):
        raise Invalid("Write a whole number.", field=field)
    return int(text)
