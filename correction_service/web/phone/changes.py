"""Tell of a change on the phone: home, job, family, harm that draws near; see that it was read."""

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from correction_service import access, hours
from correction_service.casework import change_reports
from correction_service.db import ring_of
from correction_service.people import cases
from correction_service.presence import checkins
from correction_service.problems import said
from correction_service.web.phone.frame import blueprint
from correction_service.web.wishes import told
from models.case import ENDED
from models.change_report import ChangeKind, ChangeReport
from models.errors import DomainError
from models.keys import KeyRing

SHOWN = 20


@blueprint.get("/changes")
@access.person_only
def changes() -> ResponseReturnValue:
    """Show what I told and whether it was read, after the end too, and the form to tell more."""
    return _shown()


def _shown(refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        case = cases.latest_case(session, access.person_id())
        mine, ring = change_reports.of(session, case.id)[:SHOWN], ring_of(session)
        page = render_template(
            "phone/changes.html",
            rows=[_row(it, ring) for it in mine],
            kinds=list(ChangeKind),
            open=case.state not in ENDED,
            values=request.form if refusal else {},
            errors={refusal.field or "": said(refusal)} if refusal else {},
        )
    return page, refusal.status if refusal else 200


def _row(report: ChangeReport, ring: KeyRing) -> tuple[ChangeReport, str, str, date | None]:
    """A report with its words, its answer, and the legal day on which it was read."""
    read_on = hours.local_day(report.read_at) if report.read_at else None
    return report, report.reveal(ring, "text"), report.reveal(ring, "answer"), read_on


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
