"""What a person asks as of right or tells, read from a form: theirs, or an officer's for them."""

from flask import request

from correction_service.casework.change_reports import Told
from correction_service.rights.requests import Wish
from correction_service.web import typed
from models.change_report import ChangeKind
from models.person_request import Addressee, KeptField, RequestKind


def wish(kind: RequestKind) -> Wish:
    """The wish of the request's form."""
    return Wish(
        kind=kind,
        text=request.form.get("text", ""),
        addressee=typed.maybe_one_of(Addressee, "addressee") or Addressee.AGENCY,
        field=typed.maybe_one_of(KeptField, "field"),
        about=request.form.get("about", type=int),
    )


def told() -> Told:
    """The change that the request's form tells of."""
    return Told(
        kind=typed.one_of(ChangeKind, "kind"),
        text=request.form.get("text", ""),
        changed_on=typed.maybe_day("changed_on"),
    )
