"""A case's zones: circles and drawn areas to keep to or keep out of, made, revised, ended here."""

import json
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from math import isfinite
from typing import Any

from apiflask import APIBlueprint
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.people import intake
from correction_service.problems import said
from correction_service.scope import case_for
from correction_service.tracking.readings import Axes, Said, shown_in
from correction_service.web import typed
from correction_service.web.console import acts, words
from correction_service.zones import zones
from correction_service.zones.zones import Revision, Terms
from devices.datum import Crs
from models.case import LEGAL_ZONE, Case
from models.errors import DomainError, Invalid, NotFound, Unclear
from models.user import Permission
from models.zone import MARGINS_M, BoundarySource, Zone, ZoneKind

blueprint = APIBlueprint("zones", __name__, url_prefix="/enrol", enable_openapi=False)
CIRCLE, POLYGON = "circle", "polygon"
FIRST = {"shape": CIRCLE, "radius_m": "300"}
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
        found = zones.of(session, case)
        later = {it.follows_id: it for it in found if it.leave_id is not None}
        shown = render_template(
            "console/enrol/zones.html",
            case=case,
            zones=found,
            later=later,
            states=zones.states(session, case),
            placed=zones.placed(session, case),
            last_day=lambda zone: _last_day(zone, later),
            now=access.now(),
            kinds=[(kind.value, words.word(kind)) for kind in zones.MADE_BY_HAND],
            datums=DATUMS,
            margins={source.value: round(metres) for source, metres in MARGINS_M.items()},
            map_datum=access.service().settings.map_datum,
            values=_values() if refusal else FIRST,
            errors={refusal.field or "": said(refusal)} if refusal else {},
            question=_question(refusal) if isinstance(refusal, Unclear) else None,
        )
    return shown, refusal.status if refusal else 200


def _values() -> dict[str, str]:
    """What was typed; the text of a chosen file too, because browsers forget the file."""
    file = request.files.get("file")
    if not file:  # none was chosen, or the field came empty
        return request.form.to_dict()
    file.seek(0)
    text = file.read().decode("utf-8", errors="replace")
    return request.form.to_dict() | {"geometry": text}


def _question(asked: Unclear) -> dict[str, Any]:
    """What is asked, with each choice in words and on the map."""
    crs = Crs(access.service().settings.map_datum)
    readings = [
        {
            "value": it.value,
            "title": said(it),
            "shape": shown_in(it.shape, crs) if it.shape else None,
        }
        for it in asked.choices
    ]
    return {"answer": asked.answer, "choices": readings}


@blueprint.post("/<int:case_id>/zones")
@access.needs(Permission.SUPERVISE)
def make(case_id: int) -> ResponseReturnValue:
    """Make a zone; a refusal shows at its field and what was typed stays."""
    try:
        with access.writing() as session:
            case = case_for(session, access.user(), case_id, Permission.SUPERVISE)
            _made(session, case)
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return _page(case_id, refusal)
    flash(gettext("The zone is made."), "good")
    return redirect(url_for("zones.page", case_id=case_id))


@blueprint.post("/<int:case_id>/zones/<int:zone_id>/end")
@access.needs(Permission.SUPERVISE)
def end(case_id: int, zone_id: int) -> ResponseReturnValue:
    """End a zone; it stays on file."""

    def act(session: Session) -> None:
        zones.end(session, _zone(session, case_id, zone_id), access.now())

    return acts.done(
        act, _l("The zone asks nothing from now on."), url_for(".page", case_id=case_id)
    )


@blueprint.post("/<int:case_id>/zones/<int:zone_id>/revise")
@access.needs(Permission.SUPERVISE)
def revise(case_id: int, zone_id: int) -> ResponseReturnValue:
    """Change how long a zone holds, its hours, and the words that the wearer is told."""

    def act(session: Session) -> None:
        zone = _zone(session, case_id, zone_id)
        revision = Revision(
            valid_to=_end_of_day("valid_to"), hours=_text("hours"), wording=_text("wording")
        )
        zones.revise(session, zone, revision, access.now())

    return acts.done(act, _l("The zone is changed."), url_for(".page", case_id=case_id))


def _zone(session: Session, case_id: int, zone_id: int) -> Zone:
    zone = zones.zone_for(session, access.user(), zone_id)
    if zone.case_id != case_id:
        raise NotFound("There is no such zone.")
    return zone


def _made(session: Session, case: Case) -> Zone:
    terms, meant = _terms(), _said()
    if request.form.get("shape") == POLYGON:
        return zones.drawn(session, case, terms, _geojson(), meant)
    lat, lon, radius_m = _number("lat"), _number("lon"), _number("radius_m")
    return zones.circle(session, case, terms, lat=lat, lon=lon, radius_m=radius_m, said=meant)


def _said() -> Said:
    form = request.form
    return Said(
        crs=typed.one_of(Crs, "crs"),
        axes=typed.one_of(Axes, "axes") if form.get("axes") else None,
        datum=typed.one_of(Crs, "datum") if form.get("datum") else None,
    )


def _terms() -> Terms:
    form = request.form
    terms = Terms(
        kind=typed.one_of(ZoneKind, "kind"),
        name=form.get("name", ""),
        valid_from=_beginning(),
        valid_to=_end_of_day("valid_to"),
        source=_source(),
        margin_m=_number("margin_m") if form.get("margin_m", "").strip() else None,
        hours=_text("hours"),
        wording=_text("wording"),
        reason=_text("reason"),
        made_by=access.user().id,
    )
    terms.check()
    return terms


def _source() -> BoundarySource:
    """Drawn by hand unless a file or foreign text came: the page's script tells the two apart."""
    polygon = request.form.get("shape") == POLYGON
    drawn = not polygon or (not request.files.get("file") and "by_hand" in request.form)
    return BoundarySource.DRAWN if drawn else BoundarySource.IMPORTED


def _beginning() -> datetime:
    """The first moment of a day to come, or now."""
    text, now = _text("valid_from"), access.now()
    if (
        text is None
        or (day := intake.day_of("valid_from", text)) == now.astimezone(LEGAL_ZONE).date()
    ):
        return now
    return zones.beginning(datetime.combine(day, time.min, tzinfo=LEGAL_ZONE), now)


def _text(field: str) -> str | None:
    return request.form.get(field, "").strip() or None


def _last_day(zone: Zone, later: Mapping[int | None, Zone]) -> str:
    """The last day on which a zone holds, as a date field reads it; its end is the day after.

    One that rests for a leave holds as long as what goes on after it.
    """
    while zone.id in later:
        zone = later[zone.id]
    if zone.valid_to is None:
        return ""
    last = zone.valid_to.astimezone(LEGAL_ZONE) - timedelta(microseconds=1)
    return last.date().isoformat()


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
