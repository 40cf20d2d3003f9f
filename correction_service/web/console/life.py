"""The life of a case: who is still to be taken in, and the checklist and plan of one person."""

from collections.abc import Callable, Sequence

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.assessment import level_changes
from correction_service.enforcement import milestones, plans
from correction_service.enforcement.milestones import Checklist, Done
from correction_service.forms.catalogue import catalogue
from correction_service.law.steps import Phase
from correction_service.scope import case_for
from correction_service.web import typed
from correction_service.web.console import acts, words
from correction_service.web.console.cases import head_of
from models.case import Level
from models.level_change import LevelBasis, LevelChange
from models.milestone import Step
from models.plan import Aims
from models.user import Permission, User

blueprint = APIBlueprint("life", __name__, url_prefix="/life", enable_openapi=False)


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List whose intake is not complete, the oldest first, with what is next for each."""
    with access.reading() as session:
        found = milestones.to_open(session, access.user())
        rows = list(milestones.checklists(session, found, Phase.INTAKE))
        return render_template("console/life/intake.html", rows=rows, most=milestones.MOST)


@blueprint.get("/plans")
@access.needs(Permission.SEE_CASES)
def plans_due() -> ResponseReturnValue:
    """List the plans whose day to be looked at again has come, the oldest first."""
    with access.reading() as session:
        today = hours.local_day(access.now())
        found = plans.to_review(access.user(), today).limit(milestones.MOST)
        rows = session.scalars(found).all()
        return render_template("console/life/plans.html", rows=rows, most=milestones.MOST)


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def of_case(case_id: int) -> ResponseReturnValue:
    """Show a person's checklist and the versions of the plan; opening the plan is a look."""
    with access.writing() as session:
        head = head_of(session, case_id)
        found = milestones.checklist(session, head["case"], Phase.INTAKE)
        versions = plans.of(session, head["case"])
        changes = level_changes.of(session, case_id)
        shown = versions[0] if versions and access.user().may(Permission.SUPERVISE) else None
        return render_template(
            "console/case/life.html",
            **head,
            tab="life",
            found=found,
            names=names(session, found) | who_set(session, changes),
            changes=changes,
            levels=words.options(Level),
            bases=[(it.value, words.word(it)) for it in level_changes.BY_HAND],
            titles={kind: form.title for kind, form in catalogue().items()},
            versions=versions,
            aims=plans.read(session, shown) if shown else None,
            back=url_for("life.of_case", case_id=case_id),
        )


def names(session: Session, found: Checklist) -> dict[int, str]:
    """Who wrote the steps down."""
    ids = {item.written.made_by for item in found.items if item.written}
    return {user_id: session.get_one(User, user_id).name for user_id in ids}


def who_set(session: Session, changes: Sequence[LevelChange]) -> dict[int, str]:
    """Who set the levels."""
    return {by: session.get_one(User, by).name for by in {it.made_by for it in changes}}


@blueprint.post("/cases/<int:case_id>/step")
@access.needs(Permission.ENROL)
def step(case_id: int) -> ResponseReturnValue:
    """Write down that a step was done."""

    def act(session: Session) -> None:
        case_for(session, access.user(), case_id)
        form = request.form
        done = Done(
            step=typed.one_of(Step, "step"),
            on=typed.day("on"),
            number=form.get("number", ""),
            party=form.get("party", ""),
            guardian=form.get("guardian", ""),
            note=acts.note(),
        )
        milestones.record(session, access.user(), case_id, done, access.now())

    return _done(act, case_id)


@blueprint.post("/cases/<int:case_id>/missing")
@access.needs(Permission.ENROL)
def missing(case_id: int) -> ResponseReturnValue:
    """Say which papers are missing; the person stays registered."""

    def act(session: Session) -> None:
        case_for(session, access.user(), case_id)
        user, now = access.user(), access.now()
        milestones.papers_missing(session, user, case_id, acts.note(), now)

    return _done(act, case_id)


@blueprint.post("/cases/<int:case_id>/level")
@access.needs(Permission.SUPERVISE)
def level(case_id: int) -> ResponseReturnValue:
    """Set the supervision level, with a reason; the person is told."""

    def act(session: Session) -> None:
        case_for(session, access.user(), case_id)
        to, basis = typed.one_of(Level, "level"), typed.one_of(LevelBasis, "basis")
        user, now = access.user(), access.now()
        level_changes.set_level(session, user, case_id, to, basis, reason=acts.note(), now=now)

    message = _l("The level is set, and the person is told.")
    return acts.done(act, message, url_for("life.of_case", case_id=case_id))


@blueprint.post("/cases/<int:case_id>/plan")
@access.needs(Permission.ENROL)
def plan(case_id: int) -> ResponseReturnValue:
    """Write the next version of the plan."""

    def act(session: Session) -> None:
        case_for(session, access.user(), case_id)
        aims = Aims(request.form.get("goals", ""), request.form.get("measures", ""))
        user, now = access.user(), access.now()
        plans.write(session, user, case_id, aims, review_on=typed.day("review_on"), now=now)

    return _done(act, case_id)


def _done(act: Callable[[Session], object], case_id: int) -> ResponseReturnValue:
    return acts.done(act, _l("Written down."), url_for("life.of_case", case_id=case_id))
