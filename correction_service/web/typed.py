"""What was typed or chosen in a form; `Invalid` names the field that cannot be read."""

from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from flask import request

from correction_service.people import intake
from models.case import LEGAL_ZONE
from models.errors import Invalid

Kind = TypeVar("Kind", bound=StrEnum)


def one_of(kind: type[Kind], field: str) -> Kind:
    """The one that was chosen of a list."""
    chosen = maybe_one_of(kind, field)
    if chosen is None:
        raise Invalid("Choose one of the list.", field=field)
    return chosen


def maybe_one_of(kind: type[Kind], field: str) -> Kind | None:
    """The same, or None where nothing was chosen."""
    text = request.form.get(field, "")
    if text and text not in set(kind):
        raise Invalid("Choose one of the list.", field=field)
    return kind(text) if text else None


def day(field: str) -> date:
    """A day, in any of the ways in which one is written."""
    typed = maybe_day(field)
    if typed is None:
        raise Invalid("Choose a day.", field=field)
    return typed


def maybe_day(field: str) -> date | None:
    """The same, or None where it was left empty."""
    text = request.form.get(field, "").strip()
    if text and not any(sign.isdigit() for sign in text):
        raise Invalid("Choose a day.", field=field)
    return intake.day_of(field, text) if text else None


def moment(field: str) -> datetime:
    """A day and an hour; one without a zone is of the legal one."""
    try:
        read = datetime.fromisoformat(request.form.get(field, ""))
    except ValueError:
        raise Invalid("Give a day and an hour.", field=field) from None
    return read if read.tzinfo else read.replace(tzinfo=LEGAL_ZONE)
