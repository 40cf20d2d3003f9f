"""Zones as they are made, and the outlines of divisions that they are made from."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
import shapely

from correction_service import boundaries, zones
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.zones import Terms
from models.area import outline
from models.case import Case, CaseState
from models.errors import Invalid, NotFound, Refused
from models.zone import ZoneKind
from tests.county import NOW, County
from tests.tracked import BEYOND, HONGHUAGANG, HUICHUAN

DISTRICTS = ["520302", "520303", "520304"]
TERMS = Terms(kind=ZoneKind.EXCLUSION, name="学校", valid_from=NOW)
TODAY = date(2026, 11, 20)


def holds(geometry: dict[str, object], place: tuple[float, float]) -> bool:
    lat, lon = place
    return bool(shapely.contains_xy(shapely.from_geojson(json.dumps(geometry)), lon, lat))


def test_home_is_the_citys_districts_together(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        home = zones.home_of_divisions(session, case, DISTRICTS, valid_from=NOW)
    assert home.name == "红花岗区、汇川区、播州区"
    assert home.divisions == DISTRICTS
    within = [holds(outline(home), place) for place in (HUICHUAN, HONGHUAGANG, BEYOND)]
    assert within == [True, True, False]
    assert outline(home)["type"] == "Polygon", "no seam is left between the districts"


def test_every_packaged_division_is_readable_and_names_itself() -> None:
    known = boundaries.divisions()
    assert len(known) == 2877
    assert (known["520303"].name, known["520303"].city) == ("汇川区", "遵义市")


def test_an_unknown_division_is_named(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(NotFound, match="999999"):
            zones.home_of_divisions(session, case, ["999999"], valid_from=NOW)
        with pytest.raises(Invalid, match="at least one division"):
            zones.home_of_divisions(session, case, [], valid_from=NOW)


def test_a_map_outline_is_thin_and_close(database: Database) -> None:
    with database.reading() as session:
        thin = boundaries.county_outline(session, "520303", TODAY)
        whole = boundaries.outline(session, "520303", TODAY)
    drawn = shapely.from_geojson(json.dumps(thin))
    assert shapely.get_num_coordinates(drawn) < shapely.get_num_coordinates(whole) / 2
    assert shapely.hausdorff_distance(drawn, whole) < 0.00105  # degrees of longitude in 100 m


def test_an_imported_outline_goes_before_the_packaged_one_from_its_day_on(
    database: Database,
) -> None:
    box = json.loads(shapely.to_geojson(shapely.box(106.9, 27.7, 107.0, 27.8)))
    with database.transaction(SYSTEM, "test") as session:
        boundaries.import_division(session, "520303", date(2020, 1, 1))
        boundaries.import_boundary(
            session, "520303", box, name="新汇川区", source="民政部", valid_from=TODAY
        )
        assert boundaries.name_of(session, "520303", TODAY) == "新汇川区"
        before = TODAY - timedelta(days=1)
        assert boundaries.name_of(session, "520303", before) == "汇川区"
        assert boundaries.outline(session, "520303", TODAY).area == pytest.approx(0.01)


def test_an_import_needs_a_code_and_a_later_day(database: Database) -> None:
    with database.transaction(SYSTEM, "test") as session:
        boundaries.import_division(session, "520303", TODAY)
        with pytest.raises(Invalid, match="later outline"):
            boundaries.import_division(session, "520303", TODAY)
        with pytest.raises(Invalid, match="six digits"):
            boundaries.import_boundary(session, "5203", {}, name="", source="", valid_from=TODAY)


def test_a_drawn_zone_keeps_its_terms(database: Database, county: County) -> None:
    bow_tie = [[106.9, 27.7], [106.92, 27.72], [106.92, 27.7], [106.9, 27.72], [106.9, 27.7]]
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        terms = replace(TERMS, made_by=1, margin_m=20)
        zone = zones.drawn(session, case, terms, {"type": "Polygon", "coordinates": [bow_tie]})
    assert (zone.kind, zone.name, zone.margin_m, zone.made_by) == (
        ZoneKind.EXCLUSION, "学校", 20, 1,
    )  # fmt: skip
    assert outline(zone)["type"] == "MultiPolygon"


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (replace(TERMS, name="  "), "name"),
        (replace(TERMS, valid_to=NOW), "valid_to"),
        (replace(TERMS, margin_m=-1), "margin_m"),
        (replace(TERMS, margin_m=float("nan")), "margin_m"),
        (replace(TERMS, hours="22:00-06:00"), "hours"),
        (replace(TERMS, kind=ZoneKind.CURFEW), "hours"),
        (replace(TERMS, kind=ZoneKind.CURFEW, hours="late"), "hours"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(terms: Terms, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        terms.check()
    assert refused.value.field == field


def test_a_zone_ends_once_and_none_is_made_for_an_ended_case(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        zone = zones.circle(session, case, TERMS, lat=27.7, lon=106.9, radius_m=300)
        zones.end(session, zone, NOW + timedelta(days=1))
        with pytest.raises(Refused, match="ended already"):
            zones.end(session, zone, NOW + timedelta(days=2))
        case.move(CaseState.RELEASED, NOW)
        with pytest.raises(Refused, match="case has ended"):
            zones.circle(session, case, TERMS, lat=27.7, lon=106.9, radius_m=300)
