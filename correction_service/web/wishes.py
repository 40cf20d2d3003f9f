"""What a person asks as of right or tells, read from a form: theirs, or an officer's for them."""

from datetime import date
from typing import TypeVar

from flask import request

from correction_service.casework.change_reports import Told
from correction_service.rights.requests import Wish
from models.change_report import ChangeKind, ReportWay
from models.errors import Invalid
from models.person_request import Addressee, KeptField, RequestKind

Code = TypeVar("Code", RequestKind, Addressee, KeptField, ChangeKind, ReportWay)


def wish(kind: RequestKind) -> Wish:
    """The wish of the request's form."""
    return Wish(
        kind=kind,
        text=request.form.get("text", ""),
        addressee=one_of(Addressee, "addressee") or Addressee.AGENCY,
        field=one_of(KeptField, "field"),
        about=request.form.get("about", type=int),
    )


def told() -> Told:
    """The change that the request's form tells of."""
    kind = one_of(ChangeKind, "kind")
    if kind is None:
        raise Invalid("Choose one of the list.", field="kind")
    typed = request.form.get("changed_on", "")
    try:
        day = date.fromisoformat(typed) if typed else None
    except ValueError:
        raise Invalid("Choose a day.", field="changed_on") from None
    return Told(kind=kind, text=request.form.get("text", ""), changed_on=day)


def one_of(kind: type[Code], field: str) -> Code | None:
    """What was chosen of a list, or None; the rule says whether it must be."""
    chosen = request.form.get(field, "")
    return kind(chosen) if chosen in set(kind) else None
