"""A list for a room without a network: made under a passphrase, loaded when back, or given up."""

from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.learning import offline
from correction_service.learning.activities import activity_for
from correction_service.learning.offline import Merged
from correction_service.problems import said
from correction_service.web.console import acts
from models.errors import DomainError, Invalid
from models.user import Permission

blueprint = APIBlueprint("offline", __name__, url_prefix="/learning", enable_openapi=False)


@blueprint.post("/<int:activity_id>/offline")
@access.needs(Permission.SUPERVISE)
def make(activity_id: int) -> ResponseReturnValue:
    """Give out the file; it holds all it needs."""
    try:
        with access.writing() as session:
            passphrase = request.form.get("passphrase", "")
            user, now = access.user(), access.now()
            made, plain = offline.pack(session, user, activity_id, passphrase, now)
            serial = made.id
    except DomainError as refusal:
        return _refused(refusal, activity_id)
    sealed = asdict(offline.seal(plain, passphrase))
    page = render_template("console/offline_list.html", serial=serial, sealed=sealed)
    headers = {"Content-Disposition": f'attachment; filename="list-{serial}.html"'}
    return Response(page, mimetype="text/html", headers=headers)


@blueprint.post("/<int:activity_id>/load")
@access.needs(Permission.SUPERVISE)
def load(activity_id: int) -> ResponseReturnValue:
    """Take over a signed file, and say what came of it."""
    try:
        with access.writing() as session:
            user, now = access.user(), access.now()
            activity_for(session, user, activity_id, Permission.SUPERVISE)
            merged = offline.load(session, user, activity_id, _file(), now)
            told = _told(merged)
    except DomainError as refusal:
        return _refused(refusal, activity_id)
    flash(told, "error" if merged.conflicts else "good")
    return redirect(url_for("learning.page", activity_id=activity_id))


@blueprint.post("/offline/<int:list_id>/lost")
@access.needs(Permission.SUPERVISE)
def give_up(list_id: int) -> ResponseReturnValue:
    """Write down that a list will not come back."""

    def act(session: Session) -> None:
        offline.give_up(session, access.user(), list_id, acts.note(), access.now())

    return acts.done(act, _l("Given up: nothing waits for it."), url_for("learning.index"))


def _file() -> bytes:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid("Choose the signed file.", field="file")
    data: bytes = sent.read(offline.MOST_BYTES + 1)
    return data


def _told(merged: Merged) -> str:
    if merged.conflicts:
        return str(
            gettext(
                "%(taken)d taken over, %(known)d known already. The list says otherwise than is "
                "written down for: %(numbers)s. Nothing was changed there; decide by hand.",
                taken=merged.taken,
                known=merged.known,
                numbers=", ".join(it.case.number for it in merged.conflicts),
            )
        )
    return str(
        gettext(
            "%(taken)d taken over, %(known)d known already.",
            taken=merged.taken,
            known=merged.known,
        )
    )


def _refused(refusal: DomainError, activity_id: int) -> ResponseReturnValue:
    if refusal.status in acts.GONE:
        raise refusal
    flash(said(refusal), "error")
    return redirect(url_for("learning.page", activity_id=activity_id))
