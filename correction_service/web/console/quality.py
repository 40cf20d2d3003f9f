"""Quality: how each rule does and how often the face check errs, with how many that is of."""

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal, gettext, ngettext

from correction_service import access
from correction_service.face.thresholds import calibration
from correction_service.incidents import quality
from correction_service.incidents.quality import PERIODS, USUAL, Line, Quality
from correction_service.presence import measurements
from correction_service.web.console import charts
from models.face import ErrorRate
from models.incident import FALSE_ALARMS
from models.user import Permission

blueprint = APIBlueprint("quality", __name__, url_prefix="/quality", enable_openapi=False)
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
ENOUGH_HOURS = 2  # below, a time is said in minutes


@blueprint.get("/")
@access.needs(Permission.SEE_QUALITY)
def index() -> ResponseReturnValue:
    """Show what each rule raised in a period, how much was false, how soon it was answered."""
    days = request.args.get("days", USUAL, type=int)
    days = days if days in PERIODS else USUAL
    with access.reading() as session:
        measured = quality.measure(session, access.user(), days, access.now())
    return render_template(
        "console/quality.html",
        measured=measured,
        rows=[_row(measured, line) for line in measured.lines],
        days=days,
        periods=PERIODS,
        false_causes=FALSE_ALARMS,
    )


@blueprint.get("/face")
@access.needs(Permission.SEE_QUALITY)
def face_check() -> ResponseReturnValue:
    """Show how often the face check was measured to err, and what it decides by."""
    service = access.service()
    model_version = service.verifier.model_version
    with access.reading() as session:
        found = measurements.latest(session)
        return render_template(
            "console/face_check.html",
            rates=[(kind, [it for it in found if it.kind is kind]) for kind in ErrorRate],
            measured=bool(found),
            model_version=model_version,
            calibration=calibration(service.settings.face_calibration, model_version),
            percent=percent,
        )


def percent(share: float) -> str:
    """Say a share in per cent, to two figures."""
    return f"{rate(100 * share)} %"


def _row(measured: Quality, line: Line) -> dict[str, Any]:
    """What of a line is said in words or drawn."""
    parts = (line.false, line.closed - line.false, line.open)
    return {
        "line": line,
        "bar": list(zip(("false", "true", "open"), charts.stacked(parts), strict=True)),
        "share": _share(line),
        "acknowledged": [waited(it) for it in line.acknowledged],
        "closed": [waited(it) for it in line.closed_after],
        "a_wearer_day": rate(measured.a_wearer_day(line)),
    }


def _share(line: Line) -> str:
    if line.false_share is None:
        return str(gettext("none closed yet"))
    share = f"{line.false_share * 100:.0f} %"
    return str(
        gettext(
            "%(share)s: %(false)d of %(closed)d", share=share, false=line.false, closed=line.closed
        )
    )


def waited(time: timedelta | None) -> str:
    """Say a time in the largest unit that keeps its meaning; a dash where there is none."""
    if time is None:
        return "–"
    seconds = max(round(time.total_seconds()), 0)
    if seconds < MINUTE_S:
        return f"{seconds} s"
    if seconds < ENOUGH_HOURS * HOUR_S:
        return str(ngettext("%(num)d minute", "%(num)d minutes", round(seconds / MINUTE_S)))
    if seconds < ENOUGH_HOURS * DAY_S:
        return str(ngettext("%(num)d hour", "%(num)d hours", round(seconds / HOUR_S)))
    return str(ngettext("%(num)d day", "%(num)d days", round(seconds / DAY_S)))


def rate(number: float | None) -> str:
    """Say how many a wearer-day, to two figures; a dash where nobody wore anything."""
    return "–" if number is None else str(format_decimal(float(f"{number:.2g}"), "#,##0.######"))
