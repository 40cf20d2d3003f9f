"""What coordinates may mean: which number comes first, in which datum. Asked, never guessed.

Numbers that lie abroad and would lie in China the other way round, and areas that keep within the
agency's city or county only when read in another datum, raise `Unclear` with every reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from devices.datum import Crs, gcj02, to_wgs84
from models import area, drawing
from models.area import GeoJson, plane_of
from models.errors import Choice, Unclear

TOLERANCE_M = 150.0  # outlines differ by up to 126 m; GCJ-02 shifts by 300 m at least
ALIKE = 0.5  # of intersection over union: this area was drawn along that outline

NAMES = {Crs.WGS84: "WGS-84", Crs.GCJ02: "GCJ-02", Crs.BD09: "BD-09"}
TITLES = (
    HERE := "Latitude first: it lies in the agency’s city or county.",
    ELSEWHERE := "Latitude first: it lies in China, outside the agency’s city or county.",
    AS_WRITTEN := "As written: not in China. It is refused until it is corrected.",
    WITHIN := "%(crs)s: it keeps within the border.",
    ACROSS := "%(crs)s: it crosses the border.",
)


class Axes(StrEnum):
    """Which number of a pair comes first."""

    LON_LAT = "lon_lat"
    LAT_LON = "lat_lon"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the sender said of the numbers; `axes` and `datum` answer a question and end it."""

    crs: Crs = Crs.WGS84
    axes: Axes | None = None
    datum: Crs | None = None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Numbers as they were sent, longitude first unless said otherwise; a circle has a radius."""

    places: BaseGeometry
    radius_m: float | None = None
    field: str = drawing.FIELD

    def swapped(self) -> "Sent":
        """The same with the other number first."""
        return replace(self, places=drawing.swapped(self.places))

    def read(self, crs: Crs) -> BaseGeometry:
        """The area in WGS-84, if these are degrees of `crs`."""
        places = self.places
        if crs is not Crs.WGS84:
            places = shapely.transform(places, lambda at: _moved(at, crs))
        if self.radius_m is None:
            return places
        lon, lat = shapely.get_coordinates(places)[0].tolist()
        return shapely.geometry.shape(area.circle(lat, lon, self.radius_m))


@dataclass(frozen=True)
class Meant:
    """Coordinates of which it is clear what they mean: the place in WGS-84, and how it was sent."""

    places: BaseGeometry
    crs: Crs


def meant(sent: Sent, said: Said, outlines: Sequence[BaseGeometry]) -> Meant:
    """What the numbers mean; `outlines` of the agency's divisions, the largest last, may be none.

    Raises `Unclear` where it must be asked, `Invalid` where no reading lies in China.
    """
    sent = _axes_known(sent, said, outlines)
    drawing.check_place(sent.places, sent.field)
    crs = said.datum or said.crs
    if said.datum is None and outlines:
        _ask_datum(sent, crs, outlines)
    return Meant(replace(sent, radius_m=None).read(crs), crs)


def _axes_known(sent: Sent, said: Said, outlines: Sequence[BaseGeometry]) -> Sent:
    other = sent.swapped()
    if said.axes is Axes.LAT_LON:
        return other
    if said.axes is Axes.LON_LAT or drawing.in_china(sent.places):
        return sent
    if not drawing.in_china(other.places):
        return sent
    read = other.read(said.datum or said.crs)
    fits = bool(outlines) and _fits(read, outlines[-1])
    raise Unclear(
        "Did you mean latitude first? As written, longitude first, this does not lie in China.",
        field=sent.field,
        answer="axes",
        choices=[
            Choice(Axes.LAT_LON, HERE if fits else ELSEWHERE, shape=area.as_geojson(read)),
            Choice(Axes.LON_LAT, AS_WRITTEN),
        ],
    )


def _ask_datum(sent: Sent, said: Crs, outlines: Sequence[BaseGeometry]) -> None:
    """Ask where only another datum than the one said keeps the area where it belongs."""
    readings = {crs: sent.read(crs) for crs in Crs}
    outline = _outline_of(readings[said], outlines)
    fits = {crs: _fits(shape, outline) for crs, shape in readings.items()}
    if fits[said] or not any(fits.values()):
        return
    raise Unclear(
        "In which datum are these degrees? As %(crs)s the area crosses the border of the agency’s "
        "city or county, in another datum it keeps within.",
        field=sent.field,
        answer="datum",
        crs=NAMES[said],
        choices=[
            Choice(
                crs,
                WITHIN if fits[crs] else ACROSS,
                facts={"crs": NAMES[crs]},
                shape=area.as_geojson(shape),
            )
            for crs, shape in readings.items()
        ],
    )


def _outline_of(shape: BaseGeometry, outlines: Sequence[BaseGeometry]) -> BaseGeometry:
    """The outline that the area was drawn along, or the largest."""
    alike = [
        shapely.area(shapely.intersection(shape, it)) / shapely.area(shapely.union(shape, it))
        for it in outlines
    ]
    best = int(np.argmax(alike))
    return outlines[best] if alike[best] > ALIKE else outlines[-1]


def _fits(shape: BaseGeometry, outline: BaseGeometry) -> bool:
    plane = plane_of(outline)
    roomy = shapely.buffer(plane.project(outline), TOLERANCE_M)
    return bool(shapely.covers(roomy, plane.project(shape)))


def shown_in(geometry: GeoJson, map_datum: Crs) -> GeoJson:
    """A geometry of WGS-84 in the datum of a map, which is that or GCJ-02."""
    if map_datum is Crs.WGS84:
        return geometry
    shape = shapely.geometry.shape(geometry)
    return area.as_geojson(shapely.transform(shape, _onto_gcj02))


def _onto_gcj02(places: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([gcj02((lat, lon))[::-1] for lon, lat in places])


def _moved(places: NDArray[np.float64], crs: Crs) -> NDArray[np.float64]:
    return np.array([to_wgs84((lat, lon), crs)[::-1] for lon, lat in places])
