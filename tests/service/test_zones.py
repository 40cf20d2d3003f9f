"""Zones as they are made, and the outlines of divisions that they are made from."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.zones import boundaries, zones
from correction_service.zones.zones import Revision, Terms
from models.area import as_geojson, outline
from models.case import Case, CaseState
from models.errors import Invalid, NotFound, Refused, Unclear
from models.zone import BoundarySource, Zone, ZoneKind, ZoneState
from tests.county import NOW, County
from tests.tracked import (
    BEYOND,
    HONGHUAGANG,
    HUICHUAN,
    Tracked,
    incidents_of,
    live,
    minutes,
    take,
)

DISTRICTS = ["520302", "520303", "520304"]
TERMS = Terms(kind=ZoneKind.EXCLUSION, name="学校", valid_from=NOW)
TODAY = date(2026, 11, 20)
SQUARE = as_geojson(shapely.box(106.90, 27.70, 106.92, 27.72))
NIGHT = replace(TERMS, kind=ZoneKind.CURFEW, name="住处", hours="22:00-06:00")


def around(session: Session, case: Case, terms: Terms, radius_m: float) -> Zone:
    return zones.circle(session, case, terms, lat=27.71, lon=106.91, radius_m=radius_m)


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


def test_a_drawn_zone_keeps_its_terms_and_the_margin_of_its_source(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        terms = replace(TERMS, made_by=1, wording=" 学校周围一公里 ")
        hand = zones.drawn(session, case, terms, SQUARE)
        file = zones.drawn(session, case, replace(terms, source=BoundarySource.IMPORTED), SQUARE)
        own = zones.drawn(session, case, replace(terms, margin_m=0), SQUARE)
        home = zones.home_of_divisions(session, case, DISTRICTS, valid_from=NOW)
    assert (hand.kind, hand.name, hand.made_by) == (ZoneKind.EXCLUSION, "学校", 1)
    assert (hand.datum, hand.wording, hand.reason) == ("wgs84", "学校周围一公里", None)
    assert [it.margin_m for it in (hand, file, own, home)] == [50, 130, 0, 50]
    assert (hand.source, home.source) == (BoundarySource.DRAWN, BoundarySource.ADMINISTRATIVE)


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
        (replace(TERMS, kind=ZoneKind.HOME, wording="x"), "wording"),
        (replace(TERMS, wording="x" * 401), "wording"),
        (replace(TERMS, reason="x" * 401), "reason"),
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


def test_a_zone_narrower_than_positions_are_exact_needs_a_reason(
    database: Database, county: County
) -> None:
    sliver = as_geojson(shapely.box(106.90, 27.70, 106.95, 27.7005))
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        for radius_m in (20, 49.9):
            with pytest.raises(Unclear) as asked:
                around(session, case, TERMS, radius_m)
            assert (asked.value.field, asked.value.answer) == ("radius_m", "reason")
        with pytest.raises(Unclear) as asked:
            zones.drawn(session, case, TERMS, sliver)
        (doubt,) = asked.value.choices
        assert (asked.value.field, doubt.value, doubt.facts["metres"]) == ("geometry", "small", 28)
        meant = replace(TERMS, reason="判决只写这一栋楼")
        zone = around(session, case, meant, 20)
        assert zone.reason == "判决只写这一栋楼"
        around(session, case, TERMS, 50)


def test_zones_that_contradict_are_refused_or_need_a_reason(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        home = zones.home_of_divisions(session, case, DISTRICTS, valid_from=NOW)
        with pytest.raises(Refused) as refused:
            around(session, case, TERMS, 100_000)
        assert (refused.value.code, refused.value.facts) == ("contradiction", {"other": home.id})
        school = around(session, case, TERMS, 300)
        with pytest.raises(Refused, match=f"zone no. {school.id}") as refused:
            around(session, case, NIGHT, 100)
        with pytest.raises(Unclear) as asked:
            around(session, case, NIGHT, 500)
        (doubt,) = asked.value.choices
        assert (doubt.value, doubt.facts) == ("place_partly_excluded", {"other": school.id})
        meant = replace(NIGHT, reason="学校放学后可以回家")
        assert around(session, case, meant, 500).reason
        zones.end(session, home, NOW + timedelta(days=1))
    with database.reading() as session:
        assert len(session.scalars(select(Zone)).all()) == 3


def test_a_home_inside_an_exclusion_zone_is_refused(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        around(session, case, TERMS, 100_000)
        with pytest.raises(Refused, match="cover the whole") as refused:
            zones.home_of_divisions(session, case, DISTRICTS, valid_from=NOW)
    assert refused.value.field == "divisions"


def test_another_end_or_wording_changes_a_zone_and_other_hours_begin_another(
    database: Database, county: County
) -> None:
    later, until = NOW + timedelta(days=1), NOW + timedelta(days=30)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        school = zones.drawn(session, case, TERMS, SQUARE)
        told = Revision(valid_to=until, hours=None, wording="学校一带")
        assert zones.revise(session, school, told, later) is school
        assert (school.valid_to, school.wording) == (until, "学校一带")
        night = around(session, case, replace(NIGHT, reason="是"), 2000)
        early = zones.revise(
            session, night, Revision(valid_to=until, hours="20:00-06:00", wording=None), later
        )
        assert (night.valid_to, night.hours) == (later, "22:00-06:00")
        assert (early.valid_from, early.valid_to, early.hours) == (later, until, "20:00-06:00")
        assert outline(early) == outline(night)
        with pytest.raises(Refused, match="ended already"):
            zones.revise(session, night, told, later)
        for wrong, field in (
            (Revision(valid_to=NOW, hours="20:00-06:00", wording=None), "valid_to"),
            (Revision(valid_to=None, hours=None, wording=None), "hours"),
            (Revision(valid_to=None, hours="20:00-06:00", wording="x"), "wording"),
        ):
            with pytest.raises(Invalid) as refused:
                zones.revise(session, early, wrong, later)
            assert refused.value.field == field


def test_a_person_without_a_position_is_nowhere_and_breaks_nothing(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, tracked.case)
        zones.circle(session, case, TERMS, lat=BEYOND[0], lon=BEYOND[1], radius_m=300)
        assert not zones.placed(session, case)
        assert zones.states(session, case) == {}
    take(database)
    assert incidents_of(database) == []
    live(database, minutes(NOW - timedelta(minutes=30), [HUICHUAN] * 20))
    with database.reading() as session:
        case = session.get_one(Case, tracked.case)
        assert zones.placed(session, case)
        assert zones.states(session, case)[tracked.zone].state is ZoneState.INSIDE
    assert incidents_of(database) == []
