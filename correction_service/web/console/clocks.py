"""Clocks of the law: which run and which are past, the table they come from, and one's start."""

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, locale
from correction_service.casework import clocks
from correction_service.law import articles, clock_rules, hotlines, legal_days, limits
from correction_service.law.clock_rules import ClockRule, Limit, Opens
from correction_service.law.tables import Mark
from correction_service.scope import case_for, visible
from correction_service.web import typed
from correction_service.web.console import acts
from models.user import Permission

blueprint = APIBlueprint("clocks", __name__, url_prefix="/clocks", enable_openapi=False)
ROWS = 200
UNITS = {
    "days": _l("days"),
    "months": _l("months"),
    "yes_no": _l("(1: yes, 0: no)"),
    "hours": _l("hours"),
}
MARKS = {
    Mark.VERIFIED: _l("the statute’s text was read"),
    Mark.EXCERPT: _l("read in an excerpt only"),
    Mark.RECALLED: _l("recalled: check the official text"),
}


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List what runs in the user's offices, nearest end first; `over` leaves what is past."""
    only_over = "over" in request.args
    with access.reading() as session:
        found = clocks.running(session, visible(access.user()), access.now())
        over = [it for it in found if it.over(access.now())]
        rows = over if only_over else found
        return render_template(
            "console/clocks.html",
            rows=rows[:ROWS],
            more=len(rows) - ROWS,
            over=len(over),
            only_over=only_over,
        )


@blueprint.get("/table")
@access.needs(Permission.SEE_CASES)
def table() -> ResponseReturnValue:
    """Show the tables themselves, each number with its basis and how well it is known."""
    with access.reading() as session:
        return render_template(
            "console/clock_table.html",
            rules=list(clock_rules.rules_of(session).values()),
            bounds=list(limits.bounds_of(session).values()),
            hotlines=hotlines.hotlines_of(session),
            units=UNITS,
            years=list(legal_days.calendar_of(session).years.values()),
        )


@blueprint.post("/<int:case_id>/start")
@access.needs(Permission.SUPERVISE)
def start(case_id: int) -> ResponseReturnValue:
    """Start one with the day of its paper."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        case_for(session, user, case_id, Permission.SUPERVISE)
        name = request.form.get("rule", "")
        clocks.start(session, user, case_id, name, on=typed.day("on"), note=acts.note(), now=now)

    return acts.done(act, _l("The clock runs."), _back(case_id))


@blueprint.post("/<int:case_id>/<clock>/done")
@access.needs(Permission.SUPERVISE)
def done(case_id: int, clock: str) -> ResponseReturnValue:
    """End one with what was done."""

    def act(session: Session) -> None:
        user, now = access.user(), access.now()
        case_for(session, user, case_id, Permission.SUPERVISE)
        clocks.done(session, user, case_id, clock, on=typed.day("on"), note=acts.note(), now=now)

    return acts.done(act, _l("Written down."), _back(case_id))


def _back(case_id: int) -> str:
    return url_for("decisions.page", case_id=case_id, _anchor="clocks")


def of_case(session: Session, case_id: int) -> dict[str, object]:
    """What the page of a case shows of its clocks, and which may be started."""
    rules = clock_rules.rules_of(session).values()
    return {
        "clocks": clocks.running(session, clocks.of(case_id), access.now()),
        "startable": [(it.name, _choice(it)) for it in rules if it.opens is Opens.OFFICER],
        "by_hand": Opens.OFFICER,
    }


def _choice(rule: ClockRule) -> str:
    mark = "" if rule.mark is Mark.VERIFIED else f" ({rule.mark.value})"
    return f"{rule.trigger[locale.chosen()]} · {limited(rule)} · {rule.basis}{mark}"


@blueprint.app_template_filter()
def marked(mark: Mark) -> str:
    """Say how well a number is known."""
    return str(MARKS[mark])


@blueprint.app_template_filter()
def cited(basis: str) -> str:
    """A basis with the mark of what was not read in the law."""
    return articles.cited(basis, access.service().settings.law_dir)


@blueprint.app_template_filter()
def law_mark(article: str) -> str:
    """The letter that says how well an article is known, for a sentence that cites it."""
    return articles.mark_of(article, access.service().settings.law_dir).value


@blueprint.app_template_filter()
def limited(rule: ClockRule) -> str:
    """Say how long a clock runs."""
    limit = rule.limit
    if limit is None:
        return str(gettext("no number in the law"))
    if limit.at_once:
        return str(gettext("at once"))
    if limit.ahead_days:
        return str(gettext("on the day; listed %(num)d days before", num=limit.ahead_days))
    return _span(limit)


def _span(limit: Limit) -> str:
    if limit.hours:
        return str(ngettext("%(num)d hour", "%(num)d hours", limit.hours))
    if limit.months:
        return str(ngettext("%(num)d month", "%(num)d months", limit.months))
    if limit.working_days:
        return str(ngettext("%(num)d working day", "%(num)d working days", limit.working_days))
    return str(ngettext("%(num)d day", "%(num)d days", limit.days))
