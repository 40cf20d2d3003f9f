"""What a person asks as of right, read from a form: their own, or an officer's for them."""

from typing import TypeVar

from flask import request

from correction_service.rights.requests import Wish
from models.person_request import Addressee, KeptField, RequestKind

Code = TypeVar("Code", RequestKind, Addressee, KeptField)


def wish(kind: RequestKind) -> Wish:
    """The wish of the request's form."""
    return Wish(
        kind=kind,
        text=request.form.get("text", ""),
        addressee=one_of(Addressee, "addressee") or Addressee.AGENCY,
        field=one_of(KeptField, "field"),
        about=request.form.get("about", type=int),
    )


def one_of(kind: type[Code], field: str) -> Code | None:
    """What was chosen of a list, or None; the rule says whether it must be."""
    chosen = request.form.get(field, "")
    return kind(chosen) if chosen in set(kind) else None
