"""My duties and their days, and what the authorities owe me."""

from flask import render_template
from flask.typing import ResponseReturnValue

from correction_service import access
from correction_service.law.duties import Bearer
from correction_service.presence import agenda, checkins
from correction_service.rights import duties
from correction_service.web.phone.frame import blueprint


@blueprint.get("/duties")
@access.person_only
def my_duties() -> ResponseReturnValue:
    """Say what I must do, until when and by which law, and what others must do for me."""
    now = access.now()
    with access.reading() as session:
        case = checkins.current_case(session, access.person_id())
        owed = duties.of(session, case, now)
        return render_template(
            "phone/duties.html",
            mine=owed[Bearer.PERSON],
            theirs=owed[Bearer.OFFICE],
            next=agenda.upcoming(session, case, now),
            case=case,
        )
