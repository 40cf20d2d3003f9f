"""Runs: how the day's and the month's work went, and which records it had to leave."""

from apiflask import APIBlueprint
from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from correction_service import access
from correction_service.casework import runs
from models.errors import Forbidden
from models.job import JobState

blueprint = APIBlueprint("runs", __name__, url_prefix="/runs", enable_openapi=False)
JOBS = {
    "sweep": _l("daily sweep"),
    "points_close": _l("closing of a month"),
    "evidence": _l("what check-ins show beside the face"),
}
STATES = {
    JobState.RUNNING: _l("running"),
    JobState.DONE: _l("done"),
    JobState.FAILED: _l("failed"),
}


@blueprint.get("/")
@access.signed_in
def index() -> ResponseReturnValue:
    """List the last runs, for those who tend the service or answer for it."""
    user = access.user()
    if not runs.may_see(user):
        raise Forbidden("Your role does not include this.")
    with access.reading() as session:
        found = runs.latest(session)
        return render_template(
            "console/runs.html",
            runs=found,
            cases=runs.seen_cases(session, user, found),
            jobs=JOBS,
            states=STATES,
        )
