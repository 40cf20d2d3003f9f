"""Enrol many people from a file: the upload, the report of faults, the file to fill in."""

import base64

from apiflask import APIBlueprint
from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from correction_service import access, locale, sheets
from correction_service.people import cases, imports
from correction_service.people.intake import LABELS
from correction_service.problems import said
from models.errors import DomainError, Invalid
from models.user import Permission

blueprint = APIBlueprint("enrol_import", __name__, url_prefix="/enrol/import", enable_openapi=False)
SHOWN_FAULTS = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/")
@access.needs(Permission.ENROL)
def upload() -> ResponseReturnValue:
    """Show what the file holds and ask for it."""
    return _page()


def _page(error: str | None = None, refusal: imports.ImportRefused | None = None) -> str:
    faults = refusal.faults if refusal else ()
    report = base64.b64encode(imports.report(faults)).decode() if faults else None
    return render_template(
        "console/enrol/import.html",
        error=error,
        faults=list(imports.lines(faults[:SHOWN_FAULTS])),
        count=len(faults),
        report=report,
        fields=[(field, field in imports.REQUIRED) for field in LABELS],
    )


@blueprint.post("/")
@access.needs(Permission.ENROL)
def take() -> ResponseReturnValue:
    """Enrol everyone in the file, or nobody."""
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise Invalid("Choose a file first.", field="file")
        table = sheets.table_of(file.read())
        with access.writing() as session:
            offices = cases.offices(session, access.user())
            made = imports.enrol_all(session, offices, table, access.now())
    except imports.ImportRefused as refusal:
        return _page(refusal=refusal), refusal.status
    except DomainError as refusal:
        return _page(said(refusal)), refusal.status
    flash(gettext("%(count)d people are enrolled.", count=len(made)), "good")
    return redirect(url_for("people.index", state="awaiting_report"))


@blueprint.get("/template.xlsx")
@access.needs(Permission.ENROL)
def template() -> ResponseReturnValue:
    """Return an empty sheet with the headings, every column as text."""
    chinese = locale.chosen() == "zh"
    headings = [names[0 if chinese else 1] for names in LABELS.values()]
    answer = Response(sheets.workbook(headings, [22] * len(headings)), mimetype=XLSX)
    answer.headers["Content-Disposition"] = "attachment; filename=enrolment.xlsx"
    return answer
