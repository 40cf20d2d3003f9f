"""My change of place: what was decided, and by when and where I report in."""

from flask import render_template
from flask.typing import ResponseReturnValue

from correction_service import access
from correction_service.enforcement import transfers
from correction_service.people import cases
from correction_service.web.phone.frame import blueprint


@blueprint.get("/move")
@access.person_only
def move() -> ResponseReturnValue:
    """Show my requests to move, the latest first, and until when my duties go on here.

    Until I report in, or until the receipt of a place outside has come. Whose case has
    moved away reads them after its end here.
    """
    with access.reading() as session:
        case = cases.latest_case(session, access.person_id())
        over = cases.legal_day(access.now()) > case.term_end
        moves = transfers.of(session, case.id)
        return render_template("phone/move.html", moves=moves, over=over)
