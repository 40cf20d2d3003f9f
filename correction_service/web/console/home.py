"""The first page: who needs me now, beside the map, and the day's figures."""

from typing import Any

from apiflask import APIBlueprint
from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.casework import figures, worklist
from models.user import Permission, User

blueprint = APIBlueprint("console", __name__, enable_openapi=False)


@blueprint.get("/")
@access.signed_in
def home() -> ResponseReturnValue:
    """Show who needs me now; an account that sees no cases goes to what it does see."""
    user = access.user()
    if user.may(Permission.OVERSEE):
        return redirect(url_for("oversight.index"))
    if user.may(Permission.ACCOMPANY):
        return redirect(url_for("volunteers.mine"))
    if not user.may(Permission.SEE_CASES):
        return redirect(url_for("users.index"))
    with access.reading() as session:
        return render_template("console/home.html", **_needs(session, user))


@blueprint.get("/needs")
@access.needs(Permission.SEE_CASES)
def needs() -> ResponseReturnValue:
    """Return the list and the figures alone, for a page that is open already."""
    with access.reading() as session:
        return render_template("console/_needs.html", **_needs(session, access.user()))


def _needs(session: Session, user: User) -> dict[str, Any]:
    now = access.now()
    return {
        "items": worklist.items(session, user, now),
        "today": figures.today(session, user, now, access.service().settings),
        "unjudged": worklist.unjudged_today(session, user, now),
    }
