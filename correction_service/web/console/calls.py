"""Calls to make: messages that are not proved to have arrived. Nothing counts until then."""

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import worklist
from correction_service.messages import notices
from correction_service.web.console import acts
from models.errors import NotFound
from models.notice import Notice
from models.user import Permission

blueprint = APIBlueprint("calls", __name__, url_prefix="/calls", enable_openapi=False)
MOST = 200


@blueprint.get("/")
@access.needs(Permission.SUPERVISE)
def index() -> ResponseReturnValue:
    """List the calls, oldest first, each with the words of the message."""
    user = access.user()
    with access.reading() as session:
        found = session.scalars(worklist.to_call(user).order_by(Notice.id).limit(MOST)).all()
        rows = [(notice, worklist.case_of(session, notice, user)) for notice in found]
        return render_template("console/calls.html", rows=rows)


@blueprint.post("/<int:notice_id>")
@access.needs(Permission.SUPERVISE)
def called(notice_id: int) -> ResponseReturnValue:
    """Record a call: reached starts the clock, not reached stays on the list."""
    reached = request.form.get("reached") == "yes"

    def act(session: Session) -> None:
        found = worklist.to_call(access.user()).where(Notice.id == notice_id)
        notice = session.scalar(found)
        if notice is None:
            raise NotFound("There is no such call in your offices.")
        settings, user = access.service().settings, access.user().id
        notices.called(session, notice, user, access.now(), settings, reached=reached)

    message = _l("Reached: the clock starts now.") if reached else _l("Not reached: stays here.")
    return acts.done(act, message, url_for("calls.index"))
