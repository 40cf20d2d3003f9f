"""My data: who looked at it, from which seat, and what for."""

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from correction_service import access
from correction_service.people import looks
from correction_service.web.phone.frame import blueprint
from models.user import Role

WORDS = {
    "a photo of you": _l("a photo of you"),
    "your document number": _l("your document number"),
    "your phone number": _l("your phone number"),
    "your address": _l("your address"),
    "where your bracelet was": _l("where your bracelet was"),
    "where your bracelet is": _l("where your bracelet is"),
    "where you checked in": _l("where you checked in"),
    "a printed paper about you": _l("a printed paper about you"),
    "your correction plan": _l("your correction plan"),
    "a request of yours": _l("a request of yours"),
    "a change that you told of": _l("a change that you told of"),
    "to review a check-in": _l("to review a check-in"),
    "to look into an alert": _l("to look into an alert"),
    "to print an official paper": _l("to print an official paper"),
    "to bring you a message": _l("to bring you a message"),
    "to answer your request": _l("to answer your request"),
    "to try a rule before it counts": _l("to try a rule before it counts"),
    "to supervise your case": _l("to supervise your case"),
    "your case, in a list": _l("your case, in a list"),
    "to see that the law is kept": _l("to see that the law is kept"),
}
SEATS = {
    Role.OFFICER: _l("an officer"),
    Role.OFFICE_HEAD: _l("the head of your office"),
    Role.COUNTY_HEAD: _l("the head of the county agency"),
    Role.UPPER_AGENCY: _l("the agency above"),
    Role.PROCURATOR: _l("the procuratorate, which sees that the law is kept"),
    Role.VOLUNTEER: _l("a volunteer of your team"),
    Role.ADMINISTRATOR: _l("an administrator"),
    None: _l("the service itself"),
}


@blueprint.get("/looks")
@access.person_only
def seen() -> ResponseReturnValue:
    """Who looked at my data in the last six months."""
    with access.reading() as session:
        return render_template(
            "phone/looks.html",
            looks=looks.of(session, access.person_id(), access.now()),
            words=WORDS,
            seats=SEATS,
            months=looks.MONTHS_SHOWN,
        )
