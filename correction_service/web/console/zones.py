"""A case's zones: circles and drawn areas to keep to or keep out of, made and ended here."""

import json
from datetime import datetime, time, timedelta
from math import isfinite

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access, intake, zones
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.web.console import acts, words
from correction_service.web.console.enrol_steps import GONE, one_of
from correction_service.zones import Terms
from devices.datum import Crs
from models.case import LEGAL_ZONE, Case
from models.errors import DomainError, Invalid, NotFound
from models.user import Permission
from models.zone import Zone, ZoneKind

blueprint = APIBlueprint("zones", __name__, url_prefix="/enrol", enable_openapi=False)
CIRCLE, POLYGON = "circle", "polygon"
FIRST = {"shape": CIRCLE, "radius_m": "300", "margin_m": "50"}
DATUMS = [
    (Crs.WGS84.value, _l("WGS-84 (satellites, most files)")),
    (Crs.GCJ02.value, _l("GCJ-02 (Amap, Tencent)")),
    (Crs.BD09.value, _l("BD-09 (Baidu)")),
]


@blueprint.get("/<int:case_id>/zones")
@access.needs(Permission.SUPERVISE)
def page(case_id: int) -> ResponseReturnValue:
    """Show the zones of a case, and the form for another."""
    return _page(case_id)


def _page(case_id: int, refusal: DomainError | None = None) -> ResponseReturnValue:
    with access.reading() as session:
        case = case_for(session, access.user(), case_id, Permission.SUPERVISE)
        shown = render_template(
            "console/enrol/zones.html",
            case=case,
            zones=zones.of(session, case),
            now=access.now(),
            kinds=words.options(ZoneKind),
            datums=DATUMS,
            map_datum=access.service().settings.map_datum,
            values=request.form if refusal else FIRST,
            errors={_field(refusal): said(refusal)} if refusal else {},
        )
    return shown, refusal.status if refusal else 200


def _field(refusal: DomainError) -> str:
    """The field that a refusal belongs to; the outline of a circle is its centre."""
    round_one = request.form.get("shape") == CIRCLE
    return "lat" if round_one and refusal.field == "geometry" else refusal.field or ""


@blueprint.post("/<int:case_id>/zones")
@access.needs(Permission.SUPERVISE)
def make(case_id: int) -> ResponseReturnValue:
    """Make a zone; a refusal shows at its field and what was typed stays."""
    try:
        with access.writing() as session:
            case = case_for(session, access.user(), case_id, Permission.SUPERVISE)
            _made(session, case)
    except DomainError as refusal:
        if refusal.status in GONE:
            raise
        return _page(case_id, refusal)
    flash(gettext("The zone is in force from now on."), "good")
    return redirect(url_for("zones.page", case_id=case_id))


@blueprint.post("/<int:case_id>/zones/<int:zone_id>/end")
@access.needs(Permission.SUPERVISE)
def end(case_id: int, zone_id: int) -> ResponseReturnValue:
    """End a zone; it stays on file."""

    def act(session: Session) -> None:
        zone = zones.zone_for(session, access.user(), zone_id)
        if zone.case_id != case_id:
            raise NotFound("There is no such zone.")
        zones.end(session, zone, access.now())

    return acts.done(
        act, _l("The zone asks nothing from now on."), url_for(".page", case_id=case_id)
    )


def _made(session: Session, case: Case) -> Zone:
    terms, crs = _terms(), one_of(Crs, "crs")
    if request.form.get("shape") == POLYGON:
        return zones.drawn(session, case, terms, _geojson(), crs)
    lat, lon, radius_m = _number("lat"), _number("lon"), _number("radius_m")
    return zones.circle(session, case, terms, lat=lat, lon=lon, radius_m=radius_m, crs=crs)


def _terms() -> Terms:
    form = request.form
    terms = Terms(
        kind=one_of(ZoneKind, "kind"),
        name=form.get("name", ""),
        valid_from=access.now(),
        valid_to=_end_of_day("valid_to"),
        margin_m=_number("margin_m"),
        hours=form.get("hours", "").strip() or None,
        made_by=access.user().id,
    )
    terms.check()
    return terms


def _end_of_day(field: str) -> datetime | None:
    """The first moment after a day; an empty field is no end."""
    text = request.form.get(field, "").strip()
    if not text:
        return None
    day = intake.day_of(field, text) + timedelta(days=1)
    return datetime.combine(day, time.min, tzinfo=LEGAL_ZONE)


def _number(field: str) -> float:
    try:
        number = float(request.form.get(field, ""))
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise Invalid("Write a number.", field=field)
    return number


def _geojson() -> object:
    """What was drawn or pasted, or the file when one was chosen."""
    file = request.files.get("file")
    try:
        text = file.read().decode("utf-8-sig") if file else request.form.get("geometry", "")
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("Draw the corners, or give GeoJSON.", field="geometry") from None
