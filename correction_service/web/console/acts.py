"""An act of an officer: one transaction, a word of what came of it, and back to where they were."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from correction_service import access
from correction_service.problems import said
from correction_service.web.targets import ours
from models.errors import DomainError

GONE = frozenset({403, 404})  # no page of theirs to go back to


def done(
    act: Callable[[Session], object], message: str | LazyString, back: str
) -> ResponseReturnValue:
    """Do it, say so, and go back; a refusal is said there too and nothing was saved."""
    try:
        with access.writing() as session:
            act(session)
    except DomainError as refusal:
        if refusal.status in GONE:
            raise
        flash(said(refusal), "error")
    else:
        flash(str(message), "good")
    return redirect(came_from(back))


def came_from(otherwise: str) -> str:
    """Return the page of ours that the form names, or another."""
    return ours(request.form.get("next"), otherwise)


def note() -> str:
    """Return what the officer wrote."""
    return request.form.get("note", "")


def url_with(**changes: object) -> str:
    """Return this page's address with some of its query changed; an empty value drops out."""
    kept: MultiDict[str, object] = MultiDict(request.args)
    for name, value in changes.items():
        kept[name] = value
    args = {name: value for name, value in kept.items() if value not in {None, ""}}
    return url_for(request.endpoint or "console.home", **(request.view_args or {}), **args)  # type: ignore[arg-type]
