"""Zones by program: circles and GeoJSON areas of a case, made and ended."""

from typing import Any

from apiflask import APIBlueprint
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from correction_service import access, zones
from correction_service.scope import case_for
from correction_service.zones import Terms
from devices.datum import Crs
from models.errors import Invalid
from models.user import Permission
from models.zone import Zone, ZoneKind

blueprint = APIBlueprint("zones_api", __name__, url_prefix="/api/v1", tag="Zones")


class Circle(BaseModel):
    """A round area."""

    lat: float = Field(allow_inf_nan=False, description="degrees of `crs`")
    lon: float = Field(allow_inf_nan=False, description="degrees of `crs`")
    radius_m: float = Field(allow_inf_nan=False, description="20 to 100000")


class ZoneIn(BaseModel):
    """A zone to make: one of `circle` and `geometry` says where."""

    kind: ZoneKind
    name: str
    circle: Circle | None = None
    geometry: dict[str, Any] | None = Field(None, description="GeoJSON polygons, longitude first")
    crs: Crs = Field(Crs.WGS84, description="datum of the coordinates; WGS-84 is kept")
    margin_m: float = Field(50.0, description="0 to 1000, to the wearer's advantage")
    hours: str | None = Field(None, description="of a curfew, legal time: 22:00-06:00")
    valid_to: AwareDatetime | None = None


class ZoneOut(BaseModel):
    """A zone and its terms."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    case_id: int
    kind: ZoneKind
    name: str
    margin_m: float
    hours: str | None
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None


@blueprint.post("/cases/<int:case_id>/zones")
@blueprint.input(ZoneIn, arg_name="asked")
@blueprint.output(ZoneOut, status_code=201)
@blueprint.doc(summary="Make a zone", responses=[401, 403, 404, 409, 422])
@access.needs(Permission.SUPERVISE)
def make(case_id: int, asked: ZoneIn) -> ZoneOut:
    """Make a zone that is in force from now on."""
    terms = Terms(
        **asked.model_dump(include={"kind", "name", "margin_m", "hours", "valid_to"}),
        valid_from=access.now(),
        made_by=access.user().id,
    )
    with access.writing() as session:
        case = case_for(session, access.user(), case_id, Permission.SUPERVISE)
        if (asked.circle is None) == (asked.geometry is None):
            raise Invalid("Give either a circle or a geometry.", field="geometry")
        made: Zone
        if asked.circle is not None:
            made = zones.circle(session, case, terms, **asked.circle.model_dump(), crs=asked.crs)
        else:
            made = zones.drawn(session, case, terms, asked.geometry, asked.crs)
        return ZoneOut.model_validate(made)


@blueprint.post("/zones/<int:zone_id>/end")
@blueprint.output(ZoneOut)
@blueprint.doc(summary="End a zone", responses=[401, 403, 404, 409])
@access.needs(Permission.SUPERVISE)
def end(zone_id: int) -> ZoneOut:
    """End a zone now; it stays on file."""
    with access.writing() as session:
        zone = zones.zone_for(session, access.user(), zone_id)
        zones.end(session, zone, access.now())
        return ZoneOut.model_validate(zone)
