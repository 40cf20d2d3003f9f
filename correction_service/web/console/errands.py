"""A person's bracelet: how it is, what it can be asked, and what came of what was asked."""

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from correction_service import access, hours
from correction_service.hardware import couriers, errand_log, errands, service_sessions
from correction_service.hardware.errands import INTERVAL_S, TEXT_LENGTH, Asked, Wish
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.tracking import outages
from correction_service.web.console import acts, cases, words
from devices.messages import CommandKind
from models.device import Binding
from models.errors import DomainError, Invalid, Refused
from models.service import ServiceKind
from models.user import Permission

blueprint = APIBlueprint("errands", __name__, url_prefix="/cases", enable_openapi=False)
SOON, LASTING = timedelta(minutes=15), timedelta(hours=24)
LASTS = {
    CommandKind.LOCATE: SOON,  # a position of tomorrow answers nothing
    CommandKind.VIBRATE: SOON,
    CommandKind.MESSAGE: LASTING,
    CommandKind.INTERVAL: LASTING,
}


@blueprint.get("/<int:case_id>/bracelet")
@access.needs(Permission.SEE_LOCATION)
def page(case_id: int) -> ResponseReturnValue:
    """The bracelet that the person wears, and what it was asked while they wore it."""
    return _page(case_id)


def _page(case_id: int) -> str:
    with access.reading() as session:
        head = cases.head_of(session, case_id)
        now, settings = access.now(), access.service().settings
        opens, closes = hours.lawful(now, settings)
        return render_template(
            "console/case/bracelet.html",
            **head,
            tab="bracelet",
            **_list(session, head["binding"]),
            service=service_sessions.running_of(session, case_id, now),
            services=service_sessions.latest(session, case_id),
            service_kinds=words.options(ServiceKind),
            service_minutes=settings.service_minutes,
            silent_since=outages.silent_since(session, now, settings),
            asleep=not opens <= now <= closes,
            text_length=TEXT_LENGTH,
            interval_s=INTERVAL_S,
        )


@blueprint.get("/<int:case_id>/bracelet/asked")
@access.needs(Permission.SEE_LOCATION)
def asked(case_id: int) -> ResponseReturnValue:
    """The list alone, which the page fetches anew when something changed."""
    with access.reading() as session:
        case = case_for(session, access.user(), case_id, Permission.SEE_LOCATION)
        binding = _worn(session, case.id)
        return render_template("console/case/_asked.html", case=case, **_list(session, binding))


def _list(session: Session, binding: Binding | None) -> dict[str, Any]:
    if binding is None:
        return {"errands": []}
    found = errand_log.lines(session, binding.device_id, binding.bound_at, access.now())
    return {"errands": found}


def _worn(session: Session, case_id: int) -> Binding | None:
    query = select(Binding).where(Binding.case_id == case_id, Binding.unbound_at.is_(None))
    return session.scalar(query.options(joinedload(Binding.device)))


@blueprint.post("/<int:case_id>/bracelet")
@access.needs(Permission.SUPERVISE)
def ask(case_id: int) -> ResponseReturnValue:
    """Ask for something; what was refused or not handed over keeps what was typed."""
    service = access.service()
    try:
        with access.writing() as session:
            wanted = _ask(session, case_id)
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        flash(said(refusal), "error")
        return _page(case_id), refusal.status
    via = request.endpoint or "?"
    if not couriers.hand_over(service.database, service.settings, wanted, access.actor(), via):
        flash(
            gettext(
                "The broker cannot be reached: the bracelet was not asked. Ask again in a minute;"
                " where that does not help, tell the administrator."
            ),
            "error",
        )
        return _page(case_id), 503
    flash(gettext("The bracelet is asked. Its answer appears in the list by itself."), "good")
    return redirect(url_for("errands.page", case_id=case_id))


def _ask(session: Session, case_id: int) -> Asked:
    user = access.user()
    case = case_for(session, user, case_id, Permission.SUPERVISE)
    binding = _worn(session, case.id)
    if binding is None:
        raise Refused("Nobody wears this bracelet under an order in force.")
    wish = _wish()
    name, lasts = binding.device.name, LASTS[wish.kind]
    return errands.ask(session, name, wish, by=user.id, now=access.now(), lasts=lasts)


def _wish() -> Wish:
    kind, seconds = request.form.get("kind"), request.form.get("seconds", "")
    if kind not in LASTS:
        raise Invalid("Choose one of the list.", field="kind")
    chosen = CommandKind(kind)
    text = request.form.get("text", "") if chosen is CommandKind.MESSAGE else ""
    return Wish(chosen, text, int(seconds) if seconds.isascii() and seconds.isdigit() else None)
