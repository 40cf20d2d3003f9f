"""Requests for leave: entered for who has no phone page, and answered."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import leave_answers, leave_proofs, leave_requests
from correction_service.casework.leave_requests import Asking, Wish
from correction_service.law.limits import bounds_of
from correction_service.people.cases import open_case_for
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web import papers, typed
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from correction_service.zones import destinations
from models.errors import DomainError, NotFound, Unclear
from models.leave import LeaveReason
from models.leave_request import AskedHow, LeaveRequest
from models.user import Permission

blueprint = APIBlueprint("leave_requests", __name__, url_prefix="/cases", enable_openapi=False)


@blueprint.get("/<int:case_id>/leave-requests")
@access.needs(Permission.SUPERVISE)
def form(case_id: int) -> ResponseReturnValue:
    """Show the form for a request that came on paper, in person or by a call."""
    return _form(case_id)


def _form(case_id: int, refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        head = head_of(session, case_id)
        open_case_for(session, access.user(), case_id, Permission.SUPERVISE)
        page = render_template(
            "console/case/leave_request.html",
            **head,
            tab="decisions",
            ways=[it for it in words.options(AskedHow) if it[0] != AskedHow.PAGE.value],
            reasons=words.options(LeaveReason),
            bounds=bounds_of(session),
            values=request.form if refusal else {},
            errors={refusal.field or "": said(refusal)} if refusal else {},
            at_home=isinstance(refusal, Unclear),
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/<int:case_id>/leave-requests")
@access.needs(Permission.SUPERVISE)
def enter(case_id: int) -> ResponseReturnValue:
    """Enter a request; a refusal shows at its field, and what was typed stays."""
    try:
        with access.writing() as session:
            user, settings = access.user(), access.service().settings
            case_for(session, user, case_id, Permission.SUPERVISE)  # else it is not theirs
            wish, asking, now = _wish(), _asking(), access.now()
            leave_requests.enter(session, settings, user, case_id, wish, asking=asking, now=now)
    except DomainError as refusal:
        if refusal.status in acts.GONE or refusal.code == "case_ended":
            raise
        return _form(case_id, refusal)
    flash(
        gettext("The request is entered. It waits for who decides a leave of these days."), "good"
    )
    return redirect(_back(case_id))


def _wish() -> Wish:
    return Wish(
        reason=typed.one_of(LeaveReason, "reason"),
        divisions=destinations.read(request.form.get("destination", "")),
        starts_at=typed.moment("starts_at"),
        ends_at=typed.moment("ends_at"),
        why=request.form.get("why", ""),
        regular="regular" in request.form,
    )


def _asking() -> Asking:
    return Asking(
        files=[it.read() for it in request.files.getlist("proof") if it.filename],
        how=typed.one_of(AskedHow, "asked_how"),
        on=typed.maybe_day("asked_on"),
        anyway=leave_requests.ANYWAY in request.form,
    )


@blueprint.post("/<int:case_id>/leave-requests/<int:asked_id>/take-back")
@access.needs(Permission.SUPERVISE)
def take_back(case_id: int, asked_id: int) -> ResponseReturnValue:
    """Take back, as the person asked, what an officer entered for them."""

    def act(session: Session) -> None:
        leave_requests.take_back(session, access.user(), case_id, asked_id, access.now())

    return acts.done(act, _l("The request is taken back."), _back(case_id))


@blueprint.post("/<int:case_id>/leave-requests/<int:asked_id>/not-needed")
@access.needs(Permission.SUPERVISE)
def not_needed(case_id: int, asked_id: int) -> ResponseReturnValue:
    """Answer that no leave is needed; the person reads it."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        answered = leave_answers.needs_none(session, user, asked_id, acts.note(), now)
        _check_case(answered, case_id)

    return acts.done(act, _l("The person is told that no leave is needed."), _back(case_id))


@blueprint.post("/<int:case_id>/leave-requests/<int:asked_id>/approve")
@access.needs(Permission.DECIDE_LEAVE)
def approve(case_id: int, asked_id: int) -> ResponseReturnValue:
    """Grant it; the zones to keep to rest while it runs."""

    def act(session: Session) -> None:
        _check(session, case_id, asked_id)
        leave_answers.approve(session, access.user(), asked_id, acts.note(), access.now())

    return acts.done(act, _l("The leave is approved, and the person is told."), _back(case_id))


@blueprint.post("/<int:case_id>/leave-requests/<int:asked_id>/refuse")
@access.needs(Permission.DECIDE_LEAVE)
def refuse(case_id: int, asked_id: int) -> ResponseReturnValue:
    """Refuse it; the person reads the reason."""

    def act(session: Session) -> None:
        _check(session, case_id, asked_id)
        leave_answers.refuse(session, access.user(), asked_id, acts.note(), access.now())

    return acts.done(act, _l("The request is refused, and the person reads why."), _back(case_id))


def _check(session: Session, case_id: int, asked_id: int) -> None:
    _check_case(leave_answers.request_for(session, access.user(), asked_id), case_id)


def _check_case(found: LeaveRequest, case_id: int) -> None:
    if found.case_id != case_id:
        raise NotFound("There is no such request in your offices.")


def _back(case_id: int) -> str:
    return url_for("decisions.page", case_id=case_id, _anchor="requests")


@blueprint.get("/leave-proofs/<uuid:photo_id>")
@access.needs(Permission.SEE_CASES)
def proof(photo_id: UUID) -> ResponseReturnValue:
    """Open one proof; the look is logged. A PDF is saved and never shown in our pages."""
    with access.writing() as session:
        settings = access.service().settings
        data, kind = leave_proofs.view(session, access.user(), settings, photo_id)
    return papers.attached(data, kind)
