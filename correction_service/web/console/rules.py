"""The rule of the zones: its figures, what other ones would have done, and from when they count."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.problems import said
from correction_service.web import typed
from correction_service.web.console import acts, quality
from correction_service.web.console.rule_words import FIELDS
from correction_service.zones import what_ifs, zone_rules
from models.errors import DomainError, Invalid
from models.incident import IncidentKind
from models.rule import RULE
from models.rules import figures_of
from models.user import Permission
from models.what_if import UNDER_WAY, WhatIf

blueprint = APIBlueprint("rules", __name__, url_prefix="/quality/rules", enable_openapi=False)
FINDINGS = ("false", "true", "open", "none")


@blueprint.get("/")
@access.needs(Permission.SEE_QUALITY)
def index() -> ResponseReturnValue:
    """Show the figures in force, those that come, and what was tried."""
    return _page()


def _page(values: Mapping[str, str] | None = None, error: DomainError | None = None) -> str:
    user, now = access.user(), access.now()
    with access.reading() as session:
        run = _run(session, request.values.get("run", type=int))
        current = zone_rules.rule_at(session, now)
        tried = run.proposed if run else figures_of(current)
        return render_template(
            "console/rules.html",
            current=current,
            present={name: _plain(it) for name, it in figures_of(current).items()},
            own=figures_of(RULE),
            entries=zone_rules.entries(session, now),
            runs=what_ifs.latest(session, user) if user.may(Permission.CHANGE_RULES) else (),
            fields=FIELDS,
            values=values or {it.name: _plain(tried[it.name]) for it in FIELDS},
            fault=error.field if error else None,
            error=said(error) if error else None,
            **_shown(session, run),
        )


def _plain(number: float) -> str:
    return f"{number:g}"


def _run(session: Session, what_if_id: int | None) -> WhatIf | None:
    return None if what_if_id is None else what_ifs.what_if_for(session, access.user(), what_if_id)


def _shown(session: Session, run: WhatIf | None) -> dict[str, Any]:
    """What is shown of one that was asked for."""
    tomorrow = hours.local_day(access.now()) + timedelta(days=1)
    return {
        "run": run,
        "under_way": run is not None and run.state in UNDER_WAY,
        "changed": _changed(run) if run else [],
        "rows": _rows(run.result) if run and run.result else [],
        "findings": FINDINGS,
        "may_change": zone_rules.answers_for_all(session, access.user()),
        "tomorrow": tomorrow,
    }


def _changed(run: WhatIf) -> list[tuple[Any, str, str]]:
    """The figures that differ: words, as they are, as they were tried."""
    return [
        (it.words, _plain(run.present[it.name]), _plain(run.proposed[it.name]))
        for it in FIELDS
        if run.present[it.name] != run.proposed[it.name]
    ]


def _rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What came of it, a row a kind, with bars on one scale."""
    days = result["wearer_days"]
    found = []
    for kind, counts in result["kinds"].items():
        most = max(counts["present"]["all"], counts["proposed"]["all"], 1)
        sides = [
            {
                "counts": counts[side],
                "bar": _bar(counts[side], most),
                "a_wearer_day": quality.rate(counts[side]["all"] / days if days else None),
            }
            for side in ("present", "proposed")
        ]
        late = [
            quality.waited(None if seconds is None else timedelta(seconds=seconds))
            for seconds in (counts["later_p50_s"], counts["later_p90_s"])
        ]
        found.append({"kind": IncidentKind(kind), "of": counts, "sides": sides, "late": late})
    return found


def _bar(counts: Mapping[str, int], most: int) -> list[tuple[str, float, float]]:
    parts, begin = [], 0.0
    for finding in FINDINGS:
        width = 100 * counts[finding] / most
        parts.append((finding, begin, width))
        begin += width
    return parts


@blueprint.get("/run")
@access.needs(Permission.CHANGE_RULES)
def progress() -> ResponseReturnValue:
    """Return how far one is, alone, for a page that is open already."""
    with access.reading() as session:
        run = _run(session, request.args.get("run", 0, type=int))
        return render_template("console/_what_if.html", **_shown(session, run))


@blueprint.post("/try")
@access.needs(Permission.CHANGE_RULES)
def attempt() -> ResponseReturnValue:
    """Ask what the last 30 days would have been under these figures."""
    try:
        with access.writing() as session:
            asked = what_ifs.ask(session, access.user(), _figures(), access.now())
            what_if_id = asked.id
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return _page(request.form, refusal), refusal.status
    return redirect(url_for("rules.index", run=what_if_id, _anchor="run"))


def _figures() -> dict[str, float]:
    found = {}
    for it in FIELDS:
        try:
            found[it.name] = float(request.form.get(it.name, ""))
        except ValueError:
            raise Invalid("Give a number here.", field=it.name) from None
    return found


@blueprint.post("/cancel")
@access.needs(Permission.CHANGE_RULES)
def cancel() -> ResponseReturnValue:
    """Stop one that is under way."""
    user, now, run = access.user(), access.now(), request.form.get("run", 0, type=int)
    return acts.done(
        lambda session: what_ifs.cancel(session, what_ifs.what_if_for(session, user, run), now),
        _l("Cancelled; nothing was changed."),
        url_for("rules.index"),
    )


@blueprint.post("/put")
@access.needs(Permission.CHANGE_RULES)
def put_into_force() -> ResponseReturnValue:
    """Let the figures that were tried count from a day on."""
    user, now = access.user(), access.now()
    run = request.form.get("run", 0, type=int)

    def put(session: Session) -> None:
        tried = what_ifs.what_if_for(session, user, run)
        zone_rules.put_into_force(
            session,
            user,
            {it.name: tried.proposed[it.name] for it in FIELDS},
            effective_from=hours.day_start(typed.day("day")),
            reason=request.form.get("reason", ""),
            now=now,
        )

    message = _l("Written down: these figures count from the beginning of that day.")
    return acts.done(put, message, url_for("rules.index", run=run, _anchor="made"))


@blueprint.post("/withdraw")
@access.needs(Permission.CHANGE_RULES)
def withdraw() -> ResponseReturnValue:
    """Say that a rule that is to come never begins."""
    user, now = access.user(), access.now()
    version, reason = request.form.get("version", 0, type=int), request.form.get("reason", "")
    return acts.done(
        lambda session: zone_rules.withdraw(session, user, version, reason=reason, now=now),
        _l("Withdrawn: the rule before it stays in force."),
        url_for("rules.index", _anchor="made"),
    )
