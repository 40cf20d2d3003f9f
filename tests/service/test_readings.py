"""Which number comes first and which datum is meant: asked with every reading, never guessed."""

from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.tracking.readings import Axes, Said
from correction_service.zones import boundaries, zones
from correction_service.zones.zones import Terms
from devices.datum import Crs, bd09, gcj02
from models.area import GeoJson, as_geojson, outline
from models.case import LEGAL_ZONE, Case
from models.errors import Invalid, Unclear
from models.zone import Zone, ZoneKind
from tests.county import NOW, County
from tests.tracked import BEYOND, HUICHUAN

TERMS = Terms(kind=ZoneKind.HOME, name="住处", valid_from=NOW)
SHIFTS = {Crs.GCJ02: gcj02, Crs.BD09: bd09}
TODAY = NOW.astimezone(LEGAL_ZONE).date()


def box(centre: tuple[float, float], half_deg: float = 0.005) -> GeoJson:
    lat, lon = centre
    return as_geojson(shapely.box(lon - half_deg, lat - half_deg, lon + half_deg, lat + half_deg))


def moved(geometry: GeoJson, crs: Crs) -> GeoJson:
    def shifted(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([SHIFTS[crs]((lat, lon))[::-1] for lon, lat in places])

    return as_geojson(shapely.transform(shapely.geometry.shape(geometry), shifted))


def swapped(geometry: GeoJson) -> GeoJson:
    return as_geojson(shapely.transform(shapely.geometry.shape(geometry), lambda at: at[:, ::-1]))


def make(database: Database, county: County, geometry: GeoJson, **said: Any) -> Zone:  # noqa: ANN401 - as the edges pass it on
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        zone = zones.drawn(session, case, TERMS, geometry, Said(**said))
        outline(zone)
        session.expunge_all()
        return zone


def alike(one: GeoJson, other: GeoJson) -> bool:
    here, there = (shapely.geometry.shape(it) for it in (one, other))
    return bool(shapely.hausdorff_distance(here, there) < 1e-5)


def district(database: Database) -> GeoJson:
    with database.reading() as session:
        return boundaries.county_outline(session, "520303", TODAY, tolerance_m=20)


def test_latitude_first_is_asked_about_and_the_answer_settles_it(
    database: Database, county: County
) -> None:
    with pytest.raises(Unclear, match="latitude first") as asked:
        make(database, county, swapped(box(HUICHUAN)))
    question = asked.value
    assert (question.field, question.answer) == ("geometry", "axes")
    first, second = question.choices
    assert (first.value, second.value) == ("lat_lon", "lon_lat")
    assert "agency’s city" in first.title
    assert first.shape
    assert alike(first.shape, box(HUICHUAN))
    zone = make(database, county, swapped(box(HUICHUAN)), axes=Axes.LAT_LON)
    assert alike(outline(zone), box(HUICHUAN))
    with pytest.raises(Invalid, match="swapped"):
        make(database, county, swapped(box(HUICHUAN)), axes=Axes.LON_LAT)


def test_a_swapped_place_elsewhere_in_china_says_so(database: Database, county: County) -> None:
    with pytest.raises(Unclear) as asked:
        make(database, county, swapped(box((31.23, 121.47))))
    assert "outside the agency’s" in asked.value.choices[0].title
    with pytest.raises(Invalid, match="not in China"):
        make(database, county, box((48.85, 2.35)))


@pytest.mark.parametrize("sent", [Crs.GCJ02, Crs.BD09])
def test_an_outline_in_another_datum_is_asked_about(
    database: Database, county: County, sent: Crs
) -> None:
    traced = moved(district(database), sent)
    with pytest.raises(Unclear, match="In which datum") as asked:
        make(database, county, traced)
    choices = {it.value: it for it in asked.value.choices}
    assert asked.value.answer == "datum"
    assert list(choices) == ["wgs84", "gcj02", "bd09"]
    within = [value for value, it in choices.items() if "keeps within" in it.title]
    assert within == [sent]
    shape = choices[sent].shape
    assert shape
    assert alike(shape, district(database))
    zone = make(database, county, traced, datum=sent)
    assert (zone.datum, alike(outline(zone), district(database))) == (sent, True)
    kept = make(database, county, traced, datum=Crs.WGS84)
    assert (kept.datum, alike(outline(kept), traced)) == ("wgs84", True)


def test_a_wrong_claim_of_another_datum_is_asked_about_too(
    database: Database, county: County
) -> None:
    with pytest.raises(Unclear, match="As GCJ-02"):
        make(database, county, district(database), crs=Crs.GCJ02)


@pytest.mark.parametrize("crs", list(Crs))
@pytest.mark.parametrize("place", [HUICHUAN, BEYOND])
def test_nothing_is_asked_where_every_reading_fits_or_none(
    database: Database, county: County, crs: Crs, place: tuple[float, float]
) -> None:
    assert make(database, county, box(place), crs=crs).datum == crs


def test_both_questions_are_asked_one_after_the_other(database: Database, county: County) -> None:
    sent = swapped(moved(district(database), Crs.GCJ02))
    with pytest.raises(Unclear) as first:
        make(database, county, sent)
    with pytest.raises(Unclear) as second:
        make(database, county, sent, axes=Axes.LAT_LON)
    assert (first.value.answer, second.value.answer) == ("axes", "datum")
    zone = make(database, county, sent, axes=Axes.LAT_LON, datum=Crs.GCJ02)
    assert alike(outline(zone), district(database))


def test_a_circle_is_asked_about_at_its_centre(database: Database, county: County) -> None:
    lat, lon = HUICHUAN
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(Unclear) as asked:
            zones.circle(session, case, TERMS, lat=lon, lon=lat, radius_m=300)
        zone = zones.circle(
            session, case, TERMS, lat=lon, lon=lat, radius_m=300, said=Said(axes=Axes.LAT_LON)
        )
        assert (zone.lat, zone.lon) == HUICHUAN
    assert asked.value.field == "lat"
