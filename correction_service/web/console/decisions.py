"""A person's decisions: leave, and whom they are to keep away from."""

from functools import partial

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import leave_requests, leave_routes, leaves, prohibitions
from correction_service.casework.leaves import Approval
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts, clocks, words
from correction_service.web.console.cases import head_of
from correction_service.zones import company, destinations
from models.errors import DomainError, NotFound
from models.leave import Leave, LeaveReason
from models.leave_request import LeaveLevel
from models.user import Permission

blueprint = APIBlueprint("decisions", __name__, url_prefix="/cases", enable_openapi=False)


@blueprint.get("/<int:case_id>/decisions")
@access.needs(Permission.SEE_CASES)
def page(case_id: int) -> ResponseReturnValue:
    """Show the leaves of a case, and the form for another."""
    return shown(case_id)


def shown(case_id: int, refusal: DomainError | None = None) -> ResponseReturnValue:
    """The page; with a refusal what was typed, and why it was refused."""
    with access.reading() as session:
        head = head_of(session, case_id)
        page = render_template(
            "console/case/decisions.html",
            **head,
            tab="decisions",
            leaves=leaves.of(session, head["case"]),
            bans=company.of(session, access.user(), head["case"]),
            prohibitions=prohibitions.of(session, case_id),
            requests=leave_requests.of(session, head["case"]),
            short_notice=partial(leave_requests.short_notice, session),
            own_level=leave_routes.level_of(access.user()),
            reasons=words.options(LeaveReason),
            levels=words.options(LeaveLevel),
            **clocks.of_case(session, case_id),
            values=request.form if refusal else {},
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


def back(case_id: int) -> str:
    """Where an act of these leads back to."""
    return url_for("decisions.page", case_id=case_id)


@blueprint.post("/<int:case_id>/leave")
@access.needs(Permission.SUPERVISE)
def approve(case_id: int) -> ResponseReturnValue:
    """Record an approved leave; a refusal shows at its field and what was typed stays."""
    try:
        with access.writing() as session:
            user, now = access.user(), access.now()
            case_for(session, user, case_id, Permission.SUPERVISE)
            leaves.approve(session, user, case_id, _approval(), now)
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return shown(case_id, refusal)
    flash(gettext("The leave is recorded. The zones to keep to rest while it runs."), "good")
    return redirect(back(case_id))


def _approval() -> Approval:
    return Approval(
        reason=typed.one_of(LeaveReason, "reason"),
        divisions=destinations.read(request.form.get("destination", "")),
        starts_at=typed.moment("starts_at"),
        ends_at=typed.moment("ends_at"),
        note=acts.note(),
        level=typed.one_of(LeaveLevel, "level"),
    )


@blueprint.post("/<int:case_id>/leave/<int:leave_id>/extend")
@access.needs(Permission.SUPERVISE)
def extend(case_id: int, leave_id: int) -> ResponseReturnValue:
    """Record that a later end was approved, by whom and on which paper."""

    def act(session: Session) -> None:
        _leave(session, case_id, leave_id)
        ends_at, level = typed.moment("ends_at"), typed.one_of(LeaveLevel, "level")
        user, now = access.user(), access.now()
        leaves.extend(session, user, leave_id, ends_at, paper=acts.note(), level=level, now=now)

    return acts.done(act, _l("The leave ends later."), back(case_id))


@blueprint.post("/<int:case_id>/leave/<int:leave_id>/sign-off")
@access.needs(Permission.SUPERVISE)
def sign_off(case_id: int, leave_id: int) -> ResponseReturnValue:
    """Record that the person is back, and since when if that is known."""

    def act(session: Session) -> None:
        _leave(session, case_id, leave_id)
        back_at = typed.moment("back_at") if request.form.get("back_at") else None
        leaves.sign_off(session, access.user(), leave_id, access.now(), back_at)

    message = _l("Signed off as back. The zones to keep to ask again from now on.")
    return acts.done(act, message, back(case_id))


@blueprint.post("/<int:case_id>/leave/<int:leave_id>/cancel")
@access.needs(Permission.SUPERVISE)
def cancel(case_id: int, leave_id: int) -> ResponseReturnValue:
    """Take back a leave that has not begun."""

    def act(session: Session) -> None:
        _leave(session, case_id, leave_id)
        leaves.cancel(session, access.user(), leave_id, access.now())

    return acts.done(act, _l("The leave is cancelled."), back(case_id))


def _leave(session: Session, case_id: int, leave_id: int) -> Leave:
    leave = leaves.leave_for(session, access.user(), leave_id)
    if leave.case_id != case_id:
        raise NotFound("There is no such leave in your offices.")
    return leave
