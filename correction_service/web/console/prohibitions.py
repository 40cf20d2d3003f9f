"""Prohibition orders of courts: entered with their words, reported on, lifted by a paper."""

from collections.abc import Callable

from apiflask import APIBlueprint
from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import prohibitions
from correction_service.casework.prohibitions import Wanted
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts
from models.user import Permission

blueprint = APIBlueprint("prohibitions", __name__, url_prefix="/prohibitions", enable_openapi=False)


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def enter(case_id: int) -> ResponseReturnValue:
    """Enter an order with how often the person reports on it."""

    def act(session: Session) -> None:
        case_for(session, access.user(), case_id, Permission.SUPERVISE)
        form = request.form
        wanted = Wanted(
            court=form.get("court", ""),
            number=form.get("number", ""),
            forbids=form.get("forbids", ""),
            starts_on=typed.day("starts_on"),
            ends_on=typed.day("ends_on"),
            report_days=form.get("report_days", 0, type=int),
        )
        prohibitions.enter(session, access.user(), case_id, wanted, access.now())

    return acts.done(act, _l("Written down."), _back(case_id))


@blueprint.post("/<int:prohibition_id>/report")
@access.needs(Permission.SUPERVISE)
def report(prohibition_id: int) -> ResponseReturnValue:
    """Write down how the person reported; the next report is counted from that day."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        on, said = typed.day("on"), acts.note()
        prohibitions.report(session, user, prohibition_id, on=on, said=said, now=now)

    return _done(act, prohibition_id)


@blueprint.post("/<int:prohibition_id>/lift")
@access.needs(Permission.SUPERVISE)
def lift(prohibition_id: int) -> ResponseReturnValue:
    """Say that an order binds no longer, and by which paper."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        on, why = typed.day("on"), acts.note()
        prohibitions.lift(session, user, prohibition_id, on=on, why=why, now=now)

    return _done(act, prohibition_id)


def _done(act: Callable[[Session], object], prohibition_id: int) -> ResponseReturnValue:
    with access.reading() as session:
        case_id = prohibitions.order_for(session, access.user(), prohibition_id).case_id
    return acts.done(act, _l("Written down."), _back(case_id))


def _back(case_id: int) -> str:
    return url_for("decisions.page", case_id=case_id, _anchor="prohibitions")
