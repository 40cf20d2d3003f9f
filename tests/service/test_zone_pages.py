"""Zones are made and ended by officers: in the console with words at each field, and by program."""

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from correction_service.audit import SYSTEM
from correction_service.db import Database
from devices.datum import gcj02
from models.area import outline
from models.case import Case
from models.user import Role
from models.zone import Zone, ZoneKind
from tests.county import County
from tests.pages import SignedInClient
from tests.tracked import HUICHUAN

LAT, LON = HUICHUAN
CORNERS = [[LON, LAT], [LON + 0.01, LAT], [LON + 0.01, LAT + 0.01], [LON, LAT]]
TRIANGLE = {"type": "Polygon", "coordinates": [CORNERS]}
ROUND = {
    "kind": "exclusion",
    "name": "学校",
    "shape": "circle",
    "crs": "wgs84",
    "lat": str(LAT),
    "lon": str(LON),
    "radius_m": "300",
    "margin_m": "20",
}
DRAWN = {**ROUND, "shape": "polygon", "geometry": json.dumps(TRIANGLE)}
CURFEW = {**ROUND, "kind": "curfew", "name": "住处", "hours": "22:00-06:00"}


def made(database: Database) -> list[Zone]:
    with database.reading() as session:
        found = list(session.scalars(select(Zone).order_by(Zone.id)))
        session.expunge_all()
        return found


def post(officer: FlaskClient, county: County, form: dict[str, Any]) -> TestResponse:
    return officer.post(f"/enrol/{county.case}/zones", data=form)


def test_an_officer_makes_circles_drawn_areas_and_curfews_and_ends_them(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, page = client_of(Role.OFFICER), f"/enrol/{county.case}/zones"
    assert "No zone yet." in officer.get(page).text
    until = {"valid_to": "2030-12-31"}
    file = {"file": (io.BytesIO(json.dumps(TRIANGLE).encode()), "area.geojson"), "geometry": ""}
    for form in (ROUND | until, DRAWN, CURFEW, DRAWN | file):
        assert post(officer, county, form).location == page
    exclusion, drawn, curfew, uploaded = made(database)
    assert (exclusion.kind, exclusion.name, exclusion.margin_m) == (ZoneKind.EXCLUSION, "学校", 20)
    assert exclusion.valid_to
    assert exclusion.valid_to.isoformat() == "2030-12-31T16:00:00+00:00"  # midnight in China
    assert outline(drawn) == outline(uploaded) == TRIANGLE
    assert (curfew.kind, curfew.hours) == (ZoneKind.CURFEW, "22:00-06:00")
    assert {zone.made_by for zone in made(database)} == {county.users[Role.OFFICER]}
    assert "住处" in officer.get(page).text
    ended = officer.post(f"{page}/{curfew.id}/end", follow_redirects=True)
    assert "The zone asks nothing from now on." in ended.text
    again = officer.post(f"{page}/{curfew.id}/end", follow_redirects=True)
    assert "This zone has ended already." in again.text


@pytest.mark.parametrize(
    "wrong",
    [
        (ROUND | {"kind": ""}, "kind", "Choose one of the list."),
        (ROUND | {"name": " "}, "name", "A zone has a name."),
        (ROUND | {"margin_m": "1001"}, "margin_m", "A margin is 0 to 1000 m."),
        (ROUND | {"hours": "22:00-06:00"}, "hours", "no other zone has"),
        (CURFEW | {"hours": "late"}, "hours", "read like 22:00-06:00"),
        (ROUND | {"valid_to": "2020-01-01"}, "valid_to", "ends after it begins"),
        (ROUND | {"lat": "north"}, "lat", "Write a number."),
        (ROUND | {"lat": str(LON), "lon": str(LAT)}, "lat", "swapped"),
        (ROUND | {"lon": "nan"}, "lon", "Write a number."),
        (ROUND | {"radius_m": "5"}, "radius_m", "A radius is 20 m to 100 km."),
        (ROUND | {"crs": "mars"}, "crs", "Choose one of the list."),
        (DRAWN | {"geometry": "{"}, "geometry", "Draw the corners, or give GeoJSON."),
        (DRAWN | {"geometry": '{"type": "Point"}'}, "geometry", "must be a GeoJSON geometry"),
    ],
)
def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    client_of: SignedInClient,
    database: Database,
    county: County,
    wrong: tuple[dict[str, Any], str, str],
) -> None:
    form, field, says = wrong
    answer = post(client_of(Role.OFFICER), county, form)
    assert answer.status_code == 422
    at_field = answer.text.partition(f'id="{field}-error">')[2].partition("</span>")[0]
    assert says in at_field
    if form["name"].strip():
        assert f'value="{form["name"]}"' in answer.text
    assert made(database) == []


def test_degrees_of_another_datum_are_kept_as_wgs84(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer = client_of(Role.OFFICER)
    lat, lon = gcj02(HUICHUAN)
    shifted = [list(gcj02((y, x)))[::-1] for x, y in CORNERS]
    area = json.dumps({"type": "Polygon", "coordinates": [shifted]})
    post(officer, county, ROUND)
    post(officer, county, ROUND | {"crs": "gcj02", "lat": str(lat), "lon": str(lon)})
    post(officer, county, DRAWN | {"crs": "gcj02", "geometry": area})
    plain, moved, drawn = made(database)
    for one, other in ((outline(plain), outline(moved)), (TRIANGLE, outline(drawn))):
        for here, there in zip(one["coordinates"][0], other["coordinates"][0], strict=True):
            assert here == pytest.approx(there, abs=1e-7)


def test_a_program_makes_and_ends_zones(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, path = client_of(Role.OFFICER), f"/api/v1/cases/{county.case}/zones"
    circle = {"lat": LAT, "lon": LON, "radius_m": 300}
    asked = {"kind": "curfew", "name": "住处", "hours": "22:00-06:00", "circle": circle}
    answer = officer.post(path, json=asked)
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["margin_m"] == 50
    drawn = {"kind": "exclusion", "name": "学校", "geometry": TRIANGLE}
    assert officer.post(path, json=drawn).status_code == 201
    refused = officer.post(path, json={**drawn, "circle": circle})
    assert refused.mimetype == "application/problem+json"
    assert (refused.status_code, refused.get_json()["field"]) == (422, "geometry")
    ending = f"/api/v1/zones/{answer.get_json()['id']}/end"
    assert officer.post(ending).get_json()["valid_to"]
    assert officer.post(ending).status_code == 409
    assert len(made(database)) == 2


def test_a_zone_is_ended_by_way_of_its_own_case_only(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer = client_of(Role.OFFICER)
    post(officer, county, ROUND)
    (zone,) = made(database)
    assert officer.post(f"/enrol/{county.case + 1}/zones/{zone.id}/end").status_code == 404
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).office_id = county.other_office
    assert officer.post(f"/enrol/{county.case}/zones/{zone.id}/end").status_code == 404
    assert officer.post(f"/api/v1/zones/{zone.id}/end").status_code == 404
    assert client_of(Role.PROCURATOR).get(f"/enrol/{county.case}/zones").status_code == 403
