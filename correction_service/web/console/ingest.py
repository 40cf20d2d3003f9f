"""Ingest: how positions come in now and over days, and what was turned away and why."""

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.audit import viewed
from correction_service.messages import alerts
from correction_service.scope import agency_ids
from correction_service.tracking import census, feed, outages, rejections
from correction_service.tracking.feed import SPANS, Point
from correction_service.web.console import acts, charts, spreadsheets
from models.device import Gateway
from models.errors import Forbidden
from models.telemetry import GRACE, OutageCause
from models.user import Permission

blueprint = APIBlueprint("ingest", __name__, url_prefix="/ingest", enable_openapi=False)
LOOK_BACK = timedelta(hours=24)
SHOWN, EXPORTED = 50, 10_000
COLUMNS = ("received", "gateway", "device", "seq", "reason", "times", "sha256")
CAUSES: dict[OutageCause, LazyString] = {
    OutageCause.INGEST_DOWN: _l("The service's own listener does not run."),
    OutageCause.BROKER_AWAY: _l("The listener has no connection to the broker."),
    OutageCause.GATEWAYS_OFFLINE: _l("Every gateway of these bracelets is offline."),
    OutageCause.UNKNOWN: _l("The way is open as far as we see it; the cause is not known yet."),
}


def _admit() -> None:
    user = access.user()
    if not (user.may(Permission.ADMINISTER) or user.may(Permission.APPROVE_ORDERS)):
        raise Forbidden("Your role does not include this.")


@blueprint.get("/")
@access.signed_in
def index() -> ResponseReturnValue:
    """Show the feed and what it turned away, for those who tend the service or answer for it."""
    _admit()
    text, reason = _asked()
    with access.reading() as session:
        found = rejections.latest(session, access.user(), SHOWN, text=text, reason=reason)
        counted = rejections.by_reason(session, access.user(), access.now() - LOOK_BACK)
        return render_template(
            "console/ingest.html",
            **_now(session),
            counted=counted,
            found=found,
            shown=SHOWN,
            parked=alerts.parked(session, access.user()),
        )


@blueprint.post("/alerts/again")
@access.signed_in
def again() -> ResponseReturnValue:
    """Let an alert that was given up be brought once more."""
    _admit()
    user, row = access.user(), request.form.get("alert", type=int)
    return acts.done(
        lambda session: alerts.try_again(session, user, row),
        _l("It is tried again at once."),
        url_for("ingest.index", _anchor="alerts"),
    )


@blueprint.post("/alerts/drop")
@access.signed_in
def drop() -> ResponseReturnValue:
    """Let an alert be that was given up."""
    _admit()
    user, row, moment = access.user(), request.form.get("alert", type=int), access.now()
    return acts.done(
        lambda session: alerts.drop(session, user, row, moment),
        _l("Taken off the list."),
        url_for("ingest.index", _anchor="alerts"),
    )


@blueprint.get("/now")
@access.signed_in
def now() -> ResponseReturnValue:
    """Return the figures and the charts alone, for a page that is open already."""
    _admit()
    with access.reading() as session:
        return render_template("console/_ingest.html", **_now(session))


@blueprint.get("/outage")
@access.signed_in
def outage() -> ResponseReturnValue:
    """Return the words about an outage, or nothing, for every page that is open."""
    return render_template("console/_outage.html")


@blueprint.get("/rejects.csv")
@access.signed_in
def export() -> ResponseReturnValue:
    """Give the filtered list as a table, without coordinates; the export is logged."""
    _admit()
    text, reason = _asked()
    with access.writing() as session:
        viewed(session, "export_rejects", "agency", access.user().agency_id)
        rows = rejections.latest(session, access.user(), EXPORTED, text=text, reason=reason)
    lines = [
        (it.received.isoformat(), it.gateway, it.device, it.seq, it.reason, it.times, it.digest)
        for it in rows
    ]
    return spreadsheets.answer(f"rejects-{access.now():%Y%m%d-%H%M}", [COLUMNS, *lines])


def _asked() -> tuple[str, str]:
    return request.args.get("q", "").strip()[:64], request.args.get("reason", "")


def _now(session: Session) -> dict[str, Any]:
    moment, settings, user = access.now(), access.service().settings, access.user()
    span = SPANS.get(request.args.get("span", ""), SPANS["1h"])
    points = feed.series(session, span, moment)
    running = feed.running(session, moment)
    mine = Gateway.agency_id.in_(agency_ids(user.agency_id))
    return {
        "running": running,
        "census": census.count(session, moment, settings, mine),
        "span": span,
        "spans": SPANS,
        "points": points,
        "charts": _charts(points),
        "known": any(point.committed_a_minute is not None for point in points),
        "settings": settings,
    }


def _charts(points: list[Point]) -> list[dict[str, Any]]:
    columns: list[tuple[LazyString, str, list[float | None]]] = [
        (_l("Stored a minute"), "", [it.committed_a_minute for it in points]),
        (_l("Delay from arrival to store, P99"), "ms", [it.lag_p99_ms for it in points]),
        (_l("Turned away"), "", [it.rejected for it in points]),
    ]
    return [
        {"title": title, "unit": unit, "line": charts.line(values), "latest": _latest(values)}
        for title, unit, values in columns
    ]


def _latest(values: list[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def alarm() -> dict[str, Any]:
    """Say whether nothing of any bracelet arrives, or did not until a little while ago."""
    with access.reading() as session:
        lasting = outages.current(session)
        over = None if lasting else outages.over_lately(session, access.now())
        session.expunge_all()
    cause = CAUSES[lasting.cause] if lasting else None
    again_at = over.ended_at + GRACE if over and over.ended_at else None
    return {"lasting": lasting, "cause": cause, "over": over, "again_at": again_at}
