"""Corrections of sentences: what a paper says instead, proposed by one and decided by another."""

from collections.abc import Callable, Sequence

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.people import sentences
from correction_service.people.sentences import Sentence
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from models.case import Category
from models.sentence_correction import CorrectionState, SentenceCorrection
from models.user import Permission, User

blueprint = APIBlueprint("corrections", __name__, url_prefix="/corrections", enable_openapi=False)
MOST = 100
FIELDS = {
    "category": _l("Category"),
    "effective_on": _l("Judgment effective"),
    "term_start": _l("First day of the term"),
    "term_end": _l("Last day of the term"),
    "born_on": _l("Date of birth"),
}
DAYS = ("effective_on", "term_start", "term_end", "born_on")
STATES = {
    CorrectionState.WAITING: _l("waits to be decided"),
    CorrectionState.AGREED: _l("agreed"),
    CorrectionState.REFUSED: _l("refused"),
}


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List what waits to be decided in the user's offices, the oldest first."""
    with access.reading() as session:
        rows = session.scalars(sentences.waiting(access.user()).limit(MOST)).all()
        return render_template("console/corrections.html", rows=rows, fields=FIELDS)


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def of_case(case_id: int) -> ResponseReturnValue:
    """Show a case's corrections; the form to propose one, or to decide what waits."""
    with access.reading() as session:
        head = head_of(session, case_id)
        rows = sentences.of(session, case_id)
        return render_template(
            "console/case/corrections.html",
            **head,
            tab="file",
            rows=rows,
            stands=Sentence.of(head["case"]),
            waiting=next((it for it in rows if it.state is CorrectionState.WAITING), None),
            names=_names(session, rows),
            fields=FIELDS,
            days=DAYS,
            states=STATES,
            said=_said,
            categories=words.options(Category),
        )


def _names(session: Session, rows: Sequence[SentenceCorrection]) -> dict[int, str]:
    ids = {it.proposed_by for it in rows} | {it.decided_by for it in rows if it.decided_by}
    return {each: session.get_one(User, each).name for each in ids}


def _said(name: str, value: str | None) -> str:
    """A kept value as people read it."""
    if value is None:
        return "–"
    return words.word(Category(value)) if name == "category" else value


@blueprint.post("/cases/<int:case_id>")
@access.needs(Permission.ENROL)
def propose(case_id: int) -> ResponseReturnValue:
    """Propose what the paper says; somebody else decides it."""

    def act(session: Session) -> None:
        user = access.user()
        stands = Sentence.of(case_for(session, user, case_id, Permission.ENROL))
        sentences.propose(
            session,
            user,
            case_id,
            _wanted(stands),
            number=request.form.get("number", ""),
            reason=request.form.get("reason", ""),
            now=access.now(),
        )

    return _done(act, case_id)


def _wanted(stands: Sentence) -> Sentence:
    """What the form says; a field left empty stays as it stands."""
    return Sentence(
        category=typed.maybe_one_of(Category, "category") or stands.category,
        effective_on=typed.maybe_day("effective_on") or stands.effective_on,
        term_start=typed.maybe_day("term_start") or stands.term_start,
        term_end=typed.maybe_day("term_end") or stands.term_end,
        born_on=typed.maybe_day("born_on") or stands.born_on,
    )


@blueprint.post("/<int:correction_id>/decide")
@access.needs(Permission.CORRECT_SENTENCES)
def decide(correction_id: int) -> ResponseReturnValue:
    """Agree or refuse, as a second person."""
    with access.reading() as session:
        case_id = sentences.correction_for(session, access.user(), correction_id).case_id

    def act(session: Session) -> None:
        agreed = request.form.get("decision") == "agreed"
        user, now = access.user(), access.now()
        sentences.decide(session, user, correction_id, agreed=agreed, reason=acts.note(), now=now)

    return _done(act, case_id)


def _done(act: Callable[[Session], object], case_id: int) -> ResponseReturnValue:
    return acts.done(act, _l("Written down."), url_for("corrections.of_case", case_id=case_id))
