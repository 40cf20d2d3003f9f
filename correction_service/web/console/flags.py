"""Flags of the daily sweep: a list, one page with reasons and law, and the note that ends one."""

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from correction_service import access
from correction_service.casework import flags
from correction_service.scope import case_for, visible
from correction_service.web.console import acts, words
from models.case import Case
from models.errors import NotFound
from models.risk import FlagKind, FlagState, RiskFlag
from models.user import Permission, User

blueprint = APIBlueprint("flags", __name__, url_prefix="/flags", enable_openapi=False)
PAGE = 50


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List flags, nearest clock first; without a chosen state the open ones."""
    page_number = max(request.args.get("page", 1, type=int), 1)
    kind, state = request.args.get("kind"), request.args.get("state") or FlagState.OPEN.value
    whose = contains_eager(RiskFlag.case)
    query = (
        select(RiskFlag)
        .join(RiskFlag.case)
        .join(Case.person)
        .where(visible(access.user()))
        .options(whose.contains_eager(Case.person), whose.joinedload(Case.office))
    )
    if kind in set(FlagKind):
        query = query.where(RiskFlag.kind == FlagKind(kind))
    if state in set(FlagState):
        query = query.where(RiskFlag.state == FlagState(state))
    query = query.order_by(RiskFlag.due.is_(None), RiskFlag.due, RiskFlag.id)
    with access.reading() as session:
        rows = session.scalars(query.offset((page_number - 1) * PAGE).limit(PAGE + 1)).all()
        return render_template(
            "console/flags.html",
            rows=rows[:PAGE],
            page=page_number,
            more=len(rows) > PAGE,
            kinds=words.options(FlagKind),
            states=words.options(FlagState),
            state=state,
        )


def _seen(session: Session, flag_id: int, permission: Permission) -> RiskFlag:
    flag = session.get(RiskFlag, flag_id)
    if flag is None:
        raise NotFound("There is no such flag in your offices.")
    case_for(session, access.user(), flag.case_id, permission)
    return flag


@blueprint.get("/<int:flag_id>")
@access.needs(Permission.SEE_CASES)
def page(flag_id: int) -> ResponseReturnValue:
    """Show what was seen, the clock, the law, and what else may explain it."""
    with access.reading() as session:
        flag = _seen(session, flag_id, Permission.SEE_CASES)
        handler = session.get(User, flag.handled_by) if flag.handled_by else None
        return render_template("console/flag.html", flag=flag, case=flag.case, handler=handler)


@blueprint.post("/<int:flag_id>/handle")
@access.needs(Permission.SUPERVISE)
def handle(flag_id: int) -> ResponseReturnValue:
    """Put it away with a note of what was found and done."""

    def act(session: Session) -> None:
        flag = _seen(session, flag_id, Permission.SUPERVISE)
        flags.handle(session, flag, access.user().id, acts.note(), access.now())

    return acts.done(act, _l("Written down."), url_for("flags.index"))
