"""Zones by program: circles and GeoJSON areas of a case, made and ended."""

from typing import Any

from apiflask import APIBlueprint
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from correction_service import access
from correction_service.scope import case_for
from correction_service.tracking.readings import Axes, Said
from correction_service.zones import zones
from correction_service.zones.zones import Revision, Terms
from devices.datum import Crs
from models.errors import Invalid
from models.user import Permission
from models.zone import BoundarySource, Zone, ZoneKind

blueprint = APIBlueprint("zones_api", __name__, url_prefix="/api/v1", tag="Zones")


class Circle(BaseModel):
    """A round area."""

    lat: float = Field(allow_inf_nan=False, description="degrees of `crs`")
    lon: float = Field(allow_inf_nan=False, description="degrees of `crs`")
    radius_m: float = Field(allow_inf_nan=False, description="20 to 100000")


class ZoneIn(BaseModel):
    """A zone to make: one of `circle` and `geometry` says where.

    What is unclear is asked about: 422 of type `urn:correction:unclear` with `choices`, and in
    `answer` the parameter to send the same zone with once more.
    """

    kind: ZoneKind
    name: str
    circle: Circle | None = None
    geometry: dict[str, Any] | None = Field(None, description="GeoJSON polygons, longitude first")
    crs: Crs = Field(Crs.WGS84, description="datum of the coordinates; WGS-84 is stored")
    axes: Axes | None = Field(None, description="answer: which number of a pair comes first")
    datum: Crs | None = Field(None, description="answer: the datum that is meant")
    source: BoundarySource | None = Field(
        None, description="of the border; a circle is `drawn`, a geometry `imported`"
    )
    margin_m: float | None = Field(
        None, description="0 to 1000, to the wearer's advantage; by default that of the source"
    )
    hours: str | None = Field(
        None, description="of a curfew or a place to be at, legal time: 22:00-06:00"
    )
    wording: str | None = Field(None, description="of an exclusion zone, as the order words it")
    reason: str | None = Field(None, description="answer: why it is meant though it is doubtful")
    valid_from: AwareDatetime | None = Field(None, description="by default now; never before")
    valid_to: AwareDatetime | None = None

    def terms(self) -> Terms:
        """What the zone asks."""
        source = self.source or (
            BoundarySource.DRAWN if self.geometry is None else BoundarySource.IMPORTED
        )
        own = {"kind", "name", "margin_m", "hours", "wording", "reason", "valid_to"}
        return Terms(
            **self.model_dump(include=own),
            source=source,
            valid_from=zones.beginning(self.valid_from, access.now()),
            made_by=access.user().id,
        )

    def said(self) -> Said:
        """What the numbers are."""
        return Said(**self.model_dump(include={"crs", "axes", "datum"}))


class RevisionIn(BaseModel):
    """The terms of a zone that may change; what is left out is taken away."""

    valid_to: AwareDatetime | None = None
    hours: str | None = None
    wording: str | None = None


class ZoneOut(BaseModel):
    """A zone and its terms."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    case_id: int
    kind: ZoneKind
    name: str
    source: BoundarySource
    datum: Crs = Field(description="that the coordinates were sent in")
    margin_m: float
    hours: str | None
    wording: str | None
    reason: str | None
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None


@blueprint.post("/cases/<int:case_id>/zones")
@blueprint.input(ZoneIn, arg_name="asked")
@blueprint.output(ZoneOut, status_code=201)
@blueprint.doc(summary="Make a zone", responses=[401, 403, 404, 409, 422])
@access.needs(Permission.SUPERVISE)
def make(case_id: int, asked: ZoneIn) -> ZoneOut:
    """Make a zone; it is in force from now on, or from its first moment."""
    with access.writing() as session:
        case = case_for(session, access.user(), case_id, Permission.SUPERVISE)
        made: Zone
        if asked.circle is not None and asked.geometry is None:
            where = asked.circle.model_dump()
            made = zones.circle(session, case, asked.terms(), **where, said=asked.said())
        elif asked.geometry is not None and asked.circle is None:
            made = zones.drawn(session, case, asked.terms(), asked.geometry, asked.said())
        else:
            raise Invalid("Give either a circle or a geometry.", field="geometry")
        return ZoneOut.model_validate(made)


@blueprint.put("/zones/<int:zone_id>")
@blueprint.input(RevisionIn, arg_name="asked")
@blueprint.output(ZoneOut)
@blueprint.doc(summary="Change when a zone holds", responses=[401, 403, 404, 409, 422])
@access.needs(Permission.SUPERVISE)
def revise(zone_id: int, asked: RevisionIn) -> ZoneOut:
    """Change a zone's end, hours and words; other hours end it and make the next, in the answer."""
    with access.writing() as session:
        zone = zones.zone_for(session, access.user(), zone_id)
        revision = Revision(**asked.model_dump())
        return ZoneOut.model_validate(zones.revise(session, zone, revision, access.now()))


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
