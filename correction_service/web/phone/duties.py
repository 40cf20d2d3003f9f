"""My duties and their days, and what the authorities owe me."""

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from correction_service import access, hours
from correction_service.assessment import level_changes
from correction_service.casework import prohibitions
from correction_service.law.duties import Bearer
from correction_service.presence import agenda, checkins
from correction_service.rights import duties
from correction_service.web.phone.frame import blueprint
from models.case import Level

LEVELS = {
    Level.STRICT: (
        _l("strict"),
        _l(
            "Your office asks after you more often: more check-ins, calls, visits or lessons "
            "may be arranged with you."
        ),
    ),
    Level.ORDINARY: (
        _l("ordinary"),
        _l("Your office asks after you as often as is usual."),
    ),
    Level.LENIENT: (
        _l("lenient"),
        _l(
            "Your office asks after you less often. What the law asks of you stays the same: "
            "ask before you leave, and report what changes."
        ),
    ),
}


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
            forbidden=prohibitions.in_force(session, case.id, hours.local_day(now)),
            level=LEVELS[case.level],
            changed=next(iter(level_changes.of(session, case.id)), None),
        )
