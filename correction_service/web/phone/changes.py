"""Tell of a change on the phone: home, job, family, harm that draws near; see that it was read."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from correction_service import access
from correction_service.casework import change_reports
from correction_service.db import ring_of
from correction_service.presence import checkins
from correction_service.problems import said
from correction_service.web.phone.frame import blueprint
from correction_service.web.wishes import told
from models.change_report import ChangeKind
from models.errors import DomainError

SHOWN = 20


@blueprint.get("/changes")
@access.person_only
def changes() -> ResponseReturnValue:
    """Show what I told and whether it was read, and the form to tell of more."""
    return _shown()


def _shown(refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        case = checkins.current_case(session, access.person_id())
        ring = ring_of(session)
        rows = [
            (it, it.reveal(ring, "text"), it.reveal(ring, "answer"))
            for it in change_reports.of(session, case.id)[:SHOWN]
        ]
        page = render_template(
            "phone/changes.html",
            rows=rows,
            kinds=list(ChangeKind),
            values=request.form if refusal else {},
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/changes")
@access.person_only
def tell_change() -> ResponseReturnValue:
    """Tell of a change; a refusal of what was typed shows at its field, and nothing is lost."""
    try:
        with access.writing() as session:
            case = checkins.current_case(session, access.person_id())
            receipt = change_reports.tell(session, case, told(), access.now()).receipt
    except DomainError as refusal:
        return _shown(refusal)
    flash(gettext("It has arrived. Receipt: %(receipt)s. An officer reads it.", receipt=receipt))
    return redirect(url_for("phone.changes"))
