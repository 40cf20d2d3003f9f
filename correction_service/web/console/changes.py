"""Changes that people told of: read one and answer it; write down one that was told otherwise."""

from datetime import datetime

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import change_reports
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from correction_service.web.wishes import told
from models.case import ENDED
from models.change_report import ChangeKind, ReportWay
from models.user import Permission, User

blueprint = APIBlueprint("changes", __name__, url_prefix="/changes", enable_openapi=False)
TAKEN = [way for way in ReportWay if way is not ReportWay.PHONE_PAGE]


@blueprint.get("/<int:change_id>")
@access.needs(Permission.SUPERVISE)
def page(change_id: int) -> ResponseReturnValue:
    """Open one report: its words and the answer. The look is on record."""
    with access.writing() as session:
        found = change_reports.report_for(session, access.user(), change_id)
        text, answer = change_reports.view(session, found)
        by = session.get(User, found.read_by) if found.read_by else None
        return render_template(
            "console/change.html", it=found, case=found.case, text=text, answer=answer, by=by
        )


@blueprint.post("/<int:change_id>")
@access.needs(Permission.SUPERVISE)
def read(change_id: int) -> ResponseReturnValue:
    """Say that it was read, what follows, and what the person is answered if anything."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        answer = request.form.get("answer", "")
        change_reports.read(session, user, change_id, note=acts.note(), answer=answer, now=now)

    back = url_for("changes.page", change_id=change_id)
    return acts.done(act, _l("Noted as read: the person sees it on the phone page."), back)


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def of_case(case_id: int) -> ResponseReturnValue:
    """List what a person told, without its words, and the form to write down more."""
    with access.reading() as session:
        head = head_of(session, case_id)
        return render_template(
            "console/case/changes.html",
            **head,
            tab="file",
            rows=change_reports.of_case(session, access.user(), case_id),
            kinds=words.options(ChangeKind),
            ways=[(way.value, words.word(way)) for way in TAKEN],
            open=head["case"].state not in ENDED,
        )


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def take(case_id: int) -> ResponseReturnValue:
    """Write down what a person told by call, on paper or in person."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        case_for(session, user, case_id, Permission.SUPERVISE)  # else it is not theirs
        way = typed.one_of(ReportWay, "way")
        change_reports.take(session, user, case_id, told(), way=way, at=_told_at(now), now=now)

    return acts.done(act, _l("Written down."), url_for("changes.of_case", case_id=case_id))


def _told_at(now: datetime) -> datetime:
    """When it was told; now where the field was left empty."""
    return typed.moment("told_at") if request.form.get("told_at") else now
