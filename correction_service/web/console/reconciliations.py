"""Another agency's list beside our register: load it, see the differences, act on each."""

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from correction_service import access, sheets
from correction_service.people import reconciliations
from correction_service.problems import said
from correction_service.web.console import acts
from models.errors import DomainError, Invalid
from models.reconciliation import DifferenceKind
from models.user import Permission

blueprint = APIBlueprint("reconciliations", __name__, url_prefix="/reconcile", enable_openapi=False)
KINDS = {
    DifferenceKind.NOT_HERE: _l("on their list and not in our register: never handed over?"),
    DifferenceKind.NOT_THERE: _l("in our register and not on their list"),
    DifferenceKind.ENDED_HERE: _l("on their list, and ended here"),
    DifferenceKind.TWICE_THERE: _l("twice on their list"),
    DifferenceKind.TWICE_HERE: _l("two open cases here"),
    DifferenceKind.UNREADABLE: _l("a row that could not be read"),
}


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """Show what was compared, and the differences of the chosen or latest list."""
    return _page()


def _page(refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        user = access.user()
        lists = reconciliations.made(session, user)
        latest = lists[0].id if lists else 0
        chosen = request.args.get("list", latest, type=int)
        page = render_template(
            "console/reconciliations.html",
            lists=lists,
            chosen=chosen,
            differences=reconciliations.differences(session, user, chosen),
            kinds=KINDS,
            error=said(refusal) if refusal else None,
            values=request.form,
        )
    return page, refusal.status if refusal else 200


@blueprint.post("/")
@access.needs(Permission.ENROL)
def compare() -> ResponseReturnValue:
    """Compare a list; it is not kept."""
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise Invalid("Choose a file first.", field="file")
        table = sheets.table_of(file.read())
        with access.writing() as session:
            source = request.form.get("source", "")
            made = reconciliations.compare(session, access.user(), table, source, access.now())
    except DomainError as refusal:
        return _page(refusal)
    flash(gettext("%(listed)d on the list, %(agreed)d agree.", listed=made.listed,
                  agreed=made.agreed), "good")  # fmt: skip
    return redirect(url_for("reconciliations.index", list=made.id))


@blueprint.post("/<int:difference_id>/handle")
@access.needs(Permission.ENROL)
def handle(difference_id: int) -> ResponseReturnValue:
    """Write down what was found and done."""
    return acts.done(
        lambda session: reconciliations.handle(
            session, access.user(), difference_id, acts.note(), access.now()
        ),
        _l("Written down."),
        url_for("reconciliations.index"),
    )
