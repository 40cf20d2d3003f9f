"""Help in a crisis: numbers that answer, for everybody; one's own office for who is signed in."""

from flask import render_template
from flask.typing import ResponseReturnValue

from correction_service import access
from correction_service.law import hotlines
from correction_service.web.phone.frame import blueprint


@blueprint.get("/crisis")
@access.anyone
def crisis() -> ResponseReturnValue:
    """Show the numbers, before the door too."""
    with access.reading() as session:
        return render_template("phone/crisis.html", hotlines=hotlines.hotlines_of(session))
