"""A person's printed forms: look at one first, print it under its number, open it again."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.forms import prints, subjects, wordings
from correction_service.forms.catalogue import Form, catalogue
from correction_service.forms.prints import Draft
from correction_service.forms.subjects import Option
from correction_service.problems import said
from correction_service.web import papers
from correction_service.web.console.cases import head_of
from models.case import Case
from models.errors import DomainError, NotFound, Refused
from models.printed_form import FormKind
from models.user import Permission

blueprint = APIBlueprint("forms", __name__, url_prefix="/cases", enable_openapi=False)
TRIES = 5  # while others print forms of the same kind at the same moment


class Asked(NamedTuple):
    """Which form, about what by its number, and of which of its subjects that is."""

    kind: FormKind
    subject_id: int | None
    about: str


@blueprint.get("/<int:case_id>/forms")
@access.needs(Permission.SEE_CASES)
def page(case_id: int) -> ResponseReturnValue:
    """What can be printed, and what was."""
    return shown(case_id)


def shown(case_id: int, refusal: DomainError | None = None) -> ResponseReturnValue:
    """The page; with a refusal, why nothing was printed."""
    with access.reading() as session:
        head = head_of(session, case_id)
        forms = [(it, _about(session, it, head["case"])) for it in catalogue().values()]
        printed = prints.of(session, head["case"])
        page = render_template(
            "console/case/forms.html",
            **head,
            tab="forms",
            forms=forms,
            printed=printed,
            titles={it.id: wordings.title(session, it) for it in printed},
            error=said(refusal) if refusal else None,
        )
    return page, refusal.status if refusal else 200


def _about(session: Session, form: Form, case: Case) -> list[Option]:
    """What of a case a form may be about; each with its title where it has one of its own."""

    def titled(option: Option) -> Option:
        title = wordings.worded(session, form, option.id, access.now()).title
        return option._replace(title=title) if title != form.title else option

    return [titled(option) for option in subjects.options(session, form, case)]


@blueprint.post("/<int:case_id>/forms/<kind>/draft")
@access.needs(Permission.SUPERVISE)
def draft(case_id: int, kind: str) -> ResponseReturnValue:
    """Show a form as it would be printed, without a number."""
    try:
        with access.writing() as session:
            made = _prepared(session, case_id, _asked(kind), access.now())
    except DomainError as refusal:
        return shown(case_id, refusal)
    return papers.shown(prints.paper(made.filled, access.now()), f"{made.form.kind.value}.pdf")


@blueprint.post("/<int:case_id>/forms/<kind>")
@access.needs(Permission.SUPERVISE)
def make(case_id: int, kind: str) -> ResponseReturnValue:
    """Print a form under the next number, and keep it."""
    try:
        number = _printed(case_id, _asked(kind))
    except DomainError as refusal:
        return shown(case_id, refusal)
    flash(gettext("Printed under %(number)s. Open it below.", number=number))
    return redirect(url_for("forms.page", case_id=case_id))


def _printed(case_id: int, asked: Asked) -> str:
    for _ in range(TRIES):
        now = access.now()
        with access.writing() as session:
            made = _prepared(session, case_id, asked, now)
            numbered = prints.number(session, made, now)
        pdf = prints.paper(made.filled | {"number": numbered[2]}, now)
        try:
            with access.writing() as session:
                user = access.user()
                kept = prints.keep(session, user, made, numbered=numbered, pdf=pdf, now=now)
                return kept.number
        except IntegrityError:
            continue
    raise Refused("Others print the same form at this moment. Try again.")


@blueprint.post("/forms/<uuid:printed_id>")
@access.needs(Permission.SEE_CASES)
def reopen(printed_id: UUID) -> ResponseReturnValue:
    """Open a printed paper again; the look is on record."""
    with access.writing() as session:
        printed, pdf = prints.view(session, access.user(), printed_id)
        return papers.shown(pdf, f"{printed.kind.value}-{printed.year}-{printed.serial}.pdf")


def _prepared(session: Session, case_id: int, asked: Asked, now: datetime) -> Draft:
    which = (case_id, asked.kind, asked.subject_id)
    return prints.prepare(session, access.user(), *which, about=asked.about, now=now)


def _asked(kind: str) -> Asked:
    if kind not in set(FormKind):
        raise NotFound("There is no such form.")
    about, _, number = request.form.get("subject", "").rpartition("-")
    return Asked(FormKind(kind), int(number) if number.isdecimal() else None, about)
