"""Searches: who is looked for, what was tried, letters, clocks, and how it ended."""

from enum import StrEnum
from typing import Any, TypeVar

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.people.cases import open_case_for
from correction_service.searches import attachments, searches
from correction_service.searches.searches import Step
from correction_service.web import papers, typed
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from models.search import Finding, LetterKind, SearchRecord, StepKind
from models.user import Permission, User

blueprint = APIBlueprint("searches", __name__, url_prefix="/searches", enable_openapi=False)
MOST = 200
Kind = TypeVar("Kind", bound=StrEnum)


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List the searches that run, the longest first, then what the software proposes."""
    with access.reading() as session:
        return render_template(
            "console/searches.html",
            rows=session.scalars(searches.running(access.user()).limit(MOST)).all(),
            clocks=searches.clocks,
            days_out=searches.days_out,
            today=hours.local_day(access.now()),
        )


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def of_case(case_id: int) -> ResponseReturnValue:
    """Show the searches for a person, and the form to open one."""
    with access.reading() as session:
        head, rows = head_of(session, case_id), searches.of(session, case_id)
        return render_template("console/case/searches.html", **head, tab="searches", rows=rows)


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.SUPERVISE)
def begin(case_id: int) -> ResponseReturnValue:
    """Declare a search, with the day since when the person cannot be reached."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        open_case_for(session, user, case_id, Permission.SUPERVISE)
        searches.begin(session, user, case_id, typed.day("since"), now)

    return acts.done(act, _l("The search is open."), url_for("searches.of_case", case_id=case_id))


@blueprint.get("/<int:record_id>")
@access.needs(Permission.SEE_CASES)
def page(record_id: int) -> ResponseReturnValue:
    """Show one search: why, since when, steps, letters, clocks."""
    with access.reading() as session:
        record = searches.record_for(session, access.user(), record_id)
        today = hours.local_day(access.now())
        return render_template(
            "console/search.html",
            record=record,
            case=record.case,
            clocks=searches.clocks(record),
            days=searches.days_out(record, today),
            today=today,
            names=_names(session, record),
            kinds=words.options(StepKind),
            findings=words.options(Finding),
            letters=words.options(LetterKind),
        )


def _names(session: Session, record: SearchRecord) -> dict[int, str]:
    ids = {it.made_by for it in record.steps} | {it.sent_by for it in record.letters}
    ids |= {it for it in (record.declared_by, record.ended_by) if it is not None}
    return {user_id: session.get_one(User, user_id).name for user_id in ids}


@blueprint.post("/<int:record_id>/drop")
@access.needs(Permission.SUPERVISE)
def drop(record_id: int) -> ResponseReturnValue:
    """Drop a draft with a reason."""

    def act(session: Session) -> None:
        searches.drop(session, access.user(), record_id, acts.note(), access.now())

    return _done(act, record_id, _l("Dropped, with the reason."))


@blueprint.post("/<int:record_id>/step")
@access.needs(Permission.SUPERVISE)
def step(record_id: int) -> ResponseReturnValue:
    """Write down what was tried."""

    def act(session: Session) -> None:
        _mine(session, record_id)
        tried = Step(
            kind=typed.one_of(StepKind, "kind"),
            happened_at=typed.moment("happened_at"),
            outcome=acts.note(),
            evidence=request.form.get("evidence", ""),
        )
        now, files = access.now(), [it.read() for it in request.files.getlist("files") if it]
        made = searches.step(session, access.user(), record_id, tried, now)
        attachments.keep(session, access.service().settings, made, files, now)

    return _done(act, record_id, _l("Written down."))


@blueprint.get("/attachments/<int:attachment_id>")
@access.needs(Permission.SUPERVISE)
def attachment(attachment_id: int) -> ResponseReturnValue:
    """Open a file of a step; the look is logged. A PDF is saved and never shown in our pages."""
    with access.writing() as session:
        settings = access.service().settings
        data, kind = attachments.view(session, access.user(), settings, attachment_id)
    return papers.attached(data, kind)


@blueprint.post("/<int:record_id>/letter")
@access.needs(Permission.SUPERVISE)
def letter(record_id: int) -> ResponseReturnValue:
    """Write down that a letter went out."""

    def act(session: Session) -> None:
        _mine(session, record_id)
        kind, number = typed.one_of(LetterKind, "kind"), request.form.get("number", "")
        user, now = access.user(), access.now()
        searches.send(session, user, record_id, kind, number=number, now=now)

    return _done(act, record_id, _l("Written down."))


@blueprint.post("/<int:record_id>/receipt")
@access.needs(Permission.SUPERVISE)
def receipt(record_id: int) -> ResponseReturnValue:
    """Write down that a letter arrived."""

    def act(session: Session) -> None:
        _mine(session, record_id)
        kind = typed.one_of(LetterKind, "kind")
        user, now = access.user(), access.now()
        searches.receive(session, user, record_id, kind, how=acts.note(), now=now)

    return _done(act, record_id, _l("Written down."))


@blueprint.post("/<int:record_id>/found")
@access.needs(Permission.SUPERVISE)
def found(record_id: int) -> ResponseReturnValue:
    """End the search with how the person was found."""

    def act(session: Session) -> None:
        _mine(session, record_id)
        finding = typed.one_of(Finding, "finding")
        user, now = access.user(), access.now()
        note, since = acts.note(), typed.maybe_day("since")
        searches.find(session, user, record_id, finding, note=note, now=now, in_custody_since=since)

    return _done(act, record_id, _l("The search has ended."))


def _mine(session: Session, record_id: int) -> None:
    """Whose it is comes before what was typed."""
    searches.record_for(session, access.user(), record_id, Permission.SUPERVISE)


def _done(act: Any, record_id: int, message: LazyString) -> ResponseReturnValue:  # noqa: ANN401 - an act
    return acts.done(act, message, url_for("searches.page", record_id=record_id))
