"""The first page: who needs me now, beside the map, and the day's figures."""

from apiflask import APIBlueprint
from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from correction_service import access, figures, worklist
from models.user import Permission

blueprint = APIBlueprint("console", __name__, enable_openapi=False)


@blueprint.get("/")
@access.signed_in
def home() -> ResponseReturnValue:
    """Show who needs me now; an account that sees no cases goes to what it does see."""
    user = access.user()
    if not user.may(Permission.SEE_CASES):
        return redirect(url_for("users.index"))
    with access.reading() as session:
        items = worklist.items(session, user, access.now())
        today = figures.today(session, user, access.now(), access.service().settings)
        return render_template("console/home.html", items=items, today=today)


@blueprint.get("/needs")
@access.needs(Permission.SEE_CASES)
def needs() -> ResponseReturnValue:
    """Return the list and the figures alone, for a page that is open already."""
    user, now = access.user(), access.now()
    with access.reading() as session:
        items = worklist.items(session, user, now)
        today = figures.today(session, user, now, access.service().settings)
        return render_template("console/_needs.html", items=items, today=today)
