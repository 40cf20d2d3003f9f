"""Risk: how a case's evidence adds up, an officer's word, the weights, groups, and what if."""

from datetime import date

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.casework import clocks
from correction_service.casework.findings import Scope
from correction_service.problems import said
from correction_service.risk import groups, knowing, overrides, slipping, weighing, what_ifs
from correction_service.risk.groups import Dimension
from correction_service.risk.knowing import Blank
from correction_service.risk.what_ifs import WhatIf
from correction_service.scope import case_for, visible
from correction_service.tracking import outages
from correction_service.web.console import acts, words
from models.case import Category
from models.errors import Invalid
from models.identity import Sex
from models.risk import SENTENCES
from models.risk_score import FAMILIES, Band
from models.user import Permission

blueprint = APIBlueprint("risk", __name__, url_prefix="/risk", enable_openapi=False)
FIGURES = ("amber", "red")
BLANKS = {
    Blank.BRACELET_SILENT: _l("The bracelet is silent: where the person is, nobody knows."),
    Blank.OUTAGE: _l("Nothing of any bracelet arrives: a fault of the system."),
    Blank.NOTHING_ASKED: _l("Nothing was asked for a month, and nothing came."),
}
DIMENSIONS = {
    Dimension.SEX: _l("Sex"),
    Dimension.AGE: _l("Age"),
    Dimension.CATEGORY: _l("Category"),
    Dimension.OFFICE: _l("Office"),
}
MARKS = {
    "V": _l("the statute’s text was read"),
    "S": _l("read in an excerpt only"),
    "R": _l("chosen here: in no law or standard"),
}


def _scope(session: Session) -> Scope:
    now, settings = access.now(), access.service().settings
    return Scope(hours.local_day(now), now, now, settings, outages.deaf(session, now))


@blueprint.get("/")
@access.needs(Permission.SEE_QUALITY)
def index() -> ResponseReturnValue:
    """Show the weights with source and mark, who is listed by groups, and what is not known."""
    return _index()


@blueprint.get("/what-if")
@access.needs(Permission.SEE_QUALITY)
def what_if() -> ResponseReturnValue:
    """Try other points on the last four weeks: counts, nothing is kept."""
    try:
        figures = {name: _figure(name, text) for name, text in request.args.items() if text}
        with access.reading() as session:
            return _index(what_ifs.ask(session, _scope(session), figures, visible(access.user())))
    except Invalid as refusal:
        return _index(refused=said(refusal))


def _figure(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Invalid("This figure is a number.", field=name) from None


def _index(tried: WhatIf | None = None, refused: str | None = None) -> str:
    with access.reading() as session:
        scope, mine = _scope(session), [visible(access.user())]
        return render_template(
            "console/risk.html",
            weights=weighing.weights(),
            sentences=SENTENCES,
            marks=MARKS,
            families=FAMILIES,
            figures=FIGURES,
            groups=groups.report(session, scope.day, mine),
            dimensions=DIMENSIONS,
            group_word=_group_word,
            least=groups.LEAST,
            blanks=knowing.count(session, scope, mine),
            blank_words=BLANKS,
            tried=tried,
            refused=refused,
            days=what_ifs.DAYS,
        )


def _group_word(dimension: Dimension, name: str) -> str:
    if dimension is Dimension.SEX:
        return words.word(Sex(name))
    if dimension is Dimension.CATEGORY:
        return words.word(Category(name))
    return str(gettext("unknown")) if name == "unknown" else name


@blueprint.get("/case/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def case(case_id: int) -> ResponseReturnValue:
    """Explain one case: each fact with its points, what is not known, the clocks, who said what."""
    with access.reading() as session:
        mine = case_for(session, access.user(), case_id)
        scope = _scope(session)
        return render_template(
            "console/risk_case.html",
            case=mine,
            found=slipping.assess(session, scope, case_id),
            weights=weighing.weights(),
            reasoned=slipping.reasoned,
            blanks=knowing.blanks(session, scope, case_id),
            blank_words=BLANKS,
            clocks=clocks.running(session, clocks.of(case_id), access.now()),
            said=overrides.said(session, case_id),
            bands=[*words.options(Band)],
            today=scope.day,
        )


@blueprint.post("/case/<int:case_id>/override")
@access.needs(Permission.SUPERVISE)
def override(case_id: int) -> ResponseReturnValue:
    """Let the officer's band stand until a day, with its reason; or the machine's again."""

    def act(session: Session) -> None:
        mine = case_for(session, access.user(), case_id, Permission.SUPERVISE)
        overrides.set_band(
            session,
            access.user(),
            mine,
            access.now(),
            band=_band(request.form.get("band", "")),
            until=_until(request.form.get("until", "")),
            reason=acts.note(),
        )

    return acts.done(act, _l("Written down."), url_for("risk.case", case_id=case_id))


def _band(text: str) -> Band | None:
    if not text:
        return None
    try:
        return Band(text)
    except ValueError:
        raise Invalid("There is no such band.", field="band") from None


def _until(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("Give the last day on which it holds.", field="until") from None
