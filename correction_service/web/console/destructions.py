"""Files whose term is over: propose their destruction, agree to it, see what holds them."""

from collections.abc import Callable
from datetime import timedelta

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.enforcement import destructions
from correction_service.enforcement.destructions import File
from correction_service.web.console import acts
from correction_service.web.console.endings import HOLDS
from models.user import Permission, User

blueprint = APIBlueprint("destructions", __name__, url_prefix="/destructions", enable_openapi=False)


@blueprint.get("/")
@access.needs(Permission.AGREE_DESTRUCTION)
def index() -> ResponseReturnValue:
    """List the files whose term is over, what waits for a second person, and what is held."""
    settings = access.service().settings
    with access.reading() as session:
        files = destructions.files(session, settings, access.user(), access.now())
        return render_template(
            "console/life/destructions.html",
            rule=destructions.rule(session, settings),
            files=files,
            names=_names(session, files),
            holds=HOLDS,
            alone_after=timedelta(days=settings.second_look_days),
            others={
                it.waiting.id: destructions.others(session, it.waiting)
                for it in files
                if it.waiting
            },
        )


def _names(session: Session, files: list[File]) -> dict[int, str]:
    ids = {it.waiting.proposed_by for it in files if it.waiting}
    return {each: session.get_one(User, each).name for each in ids}


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.PROPOSE_DESTRUCTION)
def propose(case_id: int) -> ResponseReturnValue:
    """Propose one file by the number of the destruction list."""

    def act(session: Session) -> None:
        number, user, now = request.form.get("number", ""), access.user(), access.now()
        settings = access.service().settings
        destructions.propose(session, settings, user, case_id, number=number, now=now)

    return _done(act)


@blueprint.post("/<int:destruction_id>/decide")
@access.needs(Permission.AGREE_DESTRUCTION)
def decide(destruction_id: int) -> ResponseReturnValue:
    """Agree, and the file is destroyed at once; or decline with the reason."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        if request.form.get("decision") != "agreed":
            destructions.decline(session, user, destruction_id, reason=acts.note(), now=now)
            return
        because, settings = request.form.get("alone_because", ""), access.service().settings
        destructions.agree(session, settings, user, destruction_id, now=now, because=because)

    return _done(act)


@blueprint.post("/<int:destruction_id>/take-back")
@access.needs(Permission.PROPOSE_DESTRUCTION)
def take_back(destruction_id: int) -> ResponseReturnValue:
    """Take an own proposal back."""
    user, now = access.user(), access.now()
    return _done(lambda session: destructions.take_back(session, user, destruction_id, now=now))


def _done(act: Callable[[Session], object]) -> ResponseReturnValue:
    return acts.done(act, _l("Written down."), url_for("destructions.index"))
