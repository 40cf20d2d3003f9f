"""Enrol one person by a form. Errors name their fields; what was typed stays; no URL carries it."""

from collections.abc import Mapping

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from correction_service import access
from correction_service.people import cases, intake, persons
from correction_service.people.intake import LABELS, Faults
from correction_service.problems import said
from correction_service.web.console import words
from models.case import Category
from models.errors import DomainError
from models.identity import IdKind, Sex
from models.user import Permission

blueprint = APIBlueprint("enrol", __name__, url_prefix="/enrol", enable_openapi=False)
FIRST = {"id_kind": IdKind.RESIDENT.value, "category": Category.SUSPENDED_SENTENCE.value}


@blueprint.get("/")
@access.needs(Permission.ENROL)
def form() -> ResponseReturnValue:
    """Show the empty form."""
    return _page(FIRST)


@blueprint.post("/")
@access.needs(Permission.ENROL)
def enrol() -> ResponseReturnValue:
    """Enter the person and the case, then go on to the set-up steps."""
    user, now = access.user(), access.now()
    try:
        with access.writing() as session:
            offices = {str(office.id): office.id for office in cases.offices(session, user)}
            read = intake.read(request.form, offices, cases.legal_day(now))
            case = persons.enrol(session, user, read, now)
    except Faults as refusal:
        return _page(request.form, refusal.faults), 422
    except DomainError as refusal:
        return _page(request.form, [refusal]), refusal.status
    return redirect(url_for("enrol_steps.show", case_id=case.id))


def _page(
    values: Mapping[str, str], faults: tuple[DomainError, ...] | list[DomainError] = ()
) -> str:
    with access.reading() as session:
        offices = [(str(each.id), each.name) for each in cases.offices(session, access.user())]
    return render_template(
        "console/enrol/form.html",
        values=values,
        errors={fault.field: said(fault) for fault in faults},
        choices={
            "id_kind": words.options(IdKind),
            "sex": words.options(Sex),
            "category": words.options(Category),
            "office": offices,
        },
    )


@blueprint.app_template_global()
def enrol_label(field: str, language: str) -> str:
    """Say what a field of the form is called."""
    zh, en = LABELS[field]
    return zh if language == "zh" else en
