"""Incidents: a list with filters in the URL, one page with evidence, and what an officer does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from correction_service import access
from correction_service.audit import viewed
from correction_service.incidents import escalations, handovers, incidents
from correction_service.scope import case_for, visible
from correction_service.web.console import acts, sentences, spreadsheets, words
from correction_service.zones import bands, company
from models.case import LEGAL_ZONE, Case
from models.errors import Invalid, NotFound
from models.incident import Cause, Incident, IncidentKind, IncidentState, IncidentStep, Severity
from models.incident_kinds import MEANINGS
from models.user import Permission, User

blueprint = APIBlueprint("incidents", __name__, url_prefix="/incidents", enable_openapi=False)
PAGE = 50
MOST_EXPORTED = 20_000
AROUND = timedelta(hours=3)  # of the trail, before the incident and after
LONGEST = timedelta(hours=24)
FILTERS = {"kind": IncidentKind, "severity": Severity, "state": IncidentState, "cause": Cause}


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List incidents, newest first; without a chosen state those that nobody closed."""
    page_number = max(request.args.get("page", 1, type=int), 1)
    with access.reading() as session:
        query = _listed(request.args).offset((page_number - 1) * PAGE).limit(PAGE + 1)
        rows = session.scalars(query).all()
        return render_template(
            "console/incidents.html",
            rows=rows[:PAGE],
            page=page_number,
            more=len(rows) > PAGE,
            choices={name: words.options(kind) for name, kind in FILTERS.items()},
            owners=[("me", gettext("mine")), ("none", gettext("nobody's"))],
            officers=[(it.id, it.name) for it in _officers(session)],
        )


def _officers(session: Session) -> Sequence[User]:
    user = access.user()
    return handovers.able(session, user) if user.may(Permission.ASSIGN) else ()


def _listed(args: Any) -> Select[Incident]:  # noqa: ANN401 - werkzeug's dictionary of the query
    whose = contains_eager(Incident.case)
    return (
        select(Incident)
        .join(Incident.case)
        .join(Case.person)
        .where(visible(access.user()), *_filters(args))
        .options(whose.contains_eager(Case.person), whose.joinedload(Case.office))
        .options(joinedload(Incident.zone), joinedload(Incident.owner))
        .order_by(Incident.opened_at.desc(), Incident.id.desc())
    )


def _filters(args: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401 - as above
    chosen: list[ColumnElement[bool]] = [
        getattr(Incident, name) == kind(args[name])
        for name, kind in FILTERS.items()
        if args.get(name) in set(kind)
    ]
    if not args.get("state"):
        chosen.append(Incident.state != IncidentState.CLOSED)
    if args.get("owner") in {"me", "none"}:
        owner = access.user().id if args["owner"] == "me" else None
        chosen.append(Incident.owner_id.is_not_distinct_from(owner))
    if args.get("case", "").isdigit():
        chosen.append(Incident.case_id == int(args["case"]))
    return chosen


@blueprint.get("/export.csv")
@access.needs(Permission.SEE_CASES)
def export() -> ResponseReturnValue:
    """Give the filtered list as a table that a spreadsheet opens; the export is logged."""
    with access.writing() as session:
        viewed(session, "export_incidents", "agency", access.user().agency_id)
        rows = session.scalars(_listed(request.args).limit(MOST_EXPORTED)).all()
        lines = [_line(incident) for incident in rows]
    columns = ("number", "case", "name", "office", "kind", "severity", "state", "since", "opened",
               "ended", "closed", "cause", "seen")  # fmt: skip
    return spreadsheets.answer(f"incidents-{access.now():%Y%m%d-%H%M}", [columns, *lines])


def _line(incident: Incident) -> tuple[object, ...]:
    case = incident.case
    moments = (incident.since, incident.opened_at, incident.ended_at, incident.closed_at)
    codes = (incident.kind, incident.severity, incident.state)
    return (
        incident.id,
        case.number,
        words.named(case.person),
        case.office.name,
        *(words.word(code) for code in codes),
        *(_iso(at) for at in moments),
        words.word(incident.cause) if incident.cause else "",
        sentences.seen(incident),
    )


def _iso(at: datetime | None) -> str:
    return at.astimezone(LEGAL_ZONE).isoformat(timespec="seconds") if at else ""


@blueprint.get("/<int:incident_id>")
@access.needs(Permission.SEE_CASES)
def page(incident_id: int) -> ResponseReturnValue:
    """What was seen, why it matters, why it may not, where, and what was done."""
    with access.reading() as session:
        incident = _seen(session, incident_id)
        since, until = _around(incident)
        acted = or_(IncidentStep.by == User.id, IncidentStep.owner_id == User.id)
        names = select(User.id, User.name).distinct().join(IncidentStep, acted)
        names = names.where(IncidentStep.incident_id == incident.id)
        companions, hidden = company.companions(session, access.user(), incident)
        return render_template(
            "console/incident.html",
            incident=incident,
            case=incident.case,
            meaning=MEANINGS[incident.kind],
            bands=bands.of_case(session, incident.case_id, since, until),
            since=since,
            until=until,
            names=dict(session.execute(names).all()),
            companions=companions,
            hidden=hidden,
            causes=words.options(Cause),
            next_step=escalations.ahead(incident, access.service().settings),
        )


def _seen(session: Session, incident_id: int) -> Incident:
    incident = session.get(Incident, incident_id)
    if incident is None:
        raise NotFound("There is no such incident in your offices.")
    case_for(session, access.user(), incident.case_id)
    return incident


def _around(incident: Incident) -> tuple[datetime, datetime]:
    """Return the time that the map shows: from before it began until after it was last seen."""
    last = incident.ended_at or incident.last_seen_at
    since = max(incident.since - AROUND, last - LONGEST)
    return since, min(last + AROUND, access.now())


def _step(incident_id: int, take: Any, message: Any) -> ResponseReturnValue:  # noqa: ANN401 - a lambda and a lazy text
    def act(session: Session) -> None:
        incident = _seen(session, incident_id)
        session.refresh(incident, with_for_update=True)
        take(session, incident)

    return acts.done(act, message, url_for("incidents.page", incident_id=incident_id))


@blueprint.post("/reassign")
@access.needs(Permission.ASSIGN)
def reassign() -> ResponseReturnValue:
    """Give chosen incidents to an officer, with a reason."""
    chosen = set(request.form.getlist("incident", type=int))
    officer, reason = request.form.get("officer", type=int), acts.note()
    head, now, settings = access.user(), access.now(), access.service().settings
    return acts.done(
        lambda session: handovers.reassign(
            session, head, chosen, now, settings, to=officer, reason=reason
        ),
        _l("Given to the officer; each incident says so."),
        url_for("incidents.index"),
    )


@blueprint.post("/<int:incident_id>/acknowledge")
@access.needs(Permission.SUPERVISE)
def acknowledge(incident_id: int) -> ResponseReturnValue:
    """Say that one has seen it and owns it."""
    user, now, note = access.user().id, access.now(), acts.note()
    return _step(
        incident_id,
        lambda session, incident: incidents.acknowledge(session, incident, user, now, note),
        _l("Acknowledged: it is yours now."),
    )


@blueprint.post("/<int:incident_id>/act")
@access.needs(Permission.SUPERVISE)
def act(incident_id: int) -> ResponseReturnValue:
    """Say what one is doing about it."""
    user, now, note = access.user().id, access.now(), acts.note()
    return _step(
        incident_id,
        lambda session, incident: incidents.act(session, incident, user, now, note),
        _l("Written down."),
    )


@blueprint.post("/<int:incident_id>/close")
@access.needs(Permission.SUPERVISE)
def close(incident_id: int) -> ResponseReturnValue:
    """Close it with the cause that was found."""
    user, now, note = access.user().id, access.now(), acts.note()
    cause = request.form.get("cause", "")

    def take(session: Session, incident: Incident) -> None:
        if cause not in set(Cause):
            raise Invalid("An incident is closed with a cause.", field="cause")
        incidents.close(session, incident, user, now, cause=Cause(cause), note=note)

    return _step(incident_id, take, _l("Closed."))


@blueprint.post("/<int:incident_id>/reopen")
@access.needs(Permission.SUPERVISE)
def reopen(incident_id: int) -> ResponseReturnValue:
    """Take the closing back."""
    user, now, note = access.user().id, access.now(), acts.note()
    return _step(
        incident_id,
        lambda session, incident: incidents.reopen(session, incident, user, now, note),
        _l("Open again."),
    )
