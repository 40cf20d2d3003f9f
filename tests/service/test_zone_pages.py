"""Zones are made and ended by officers: in the console with words at each field, and by program."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import numpy as np
import pytest
import shapely
from flask.testing import FlaskClient
from numpy.typing import NDArray
from sqlalchemy import select
from werkzeug.test import TestResponse

from correction_service.audit import SYSTEM
from correction_service.casework import leaves
from correction_service.casework.leaves import Approval
from correction_service.db import Database
from correction_service.zones import boundaries
from devices.datum import gcj02
from models.area import as_geojson, outline
from models.case import Case
from models.leave import LeaveReason
from models.user import Role, User
from models.zone import BoundarySource, Zone, ZoneKind
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
CURFEW = {**ROUND, "kind": "curfew", "name": "住处", "hours": "22:00-06:00", "lat": str(LAT - 0.02)}


def to_gcj02(places: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([gcj02((lat, lon))[::-1] for lon, lat in places])


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
    sources = [zone.source.value for zone in made(database)]
    assert sources == ["drawn", "imported", "drawn", "imported"]
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
        (ROUND | {"lat": str(LON), "lon": str(LAT)}, "lat", "Did you mean latitude first?"),
        (ROUND | {"lat": "2", "lon": "48"}, "lat", "not in China"),
        (ROUND | {"valid_from": "2020-01-01"}, "valid_from", "does not begin in the past"),
        (ROUND | {"radius_m": "30"}, "radius_m", "This zone is doubtful."),
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
    circle = {"lat": LAT - 0.02, "lon": LON, "radius_m": 300}
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


def test_a_question_shows_its_choices_and_the_answer_makes_the_zone(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, turned = client_of(Role.OFFICER), ROUND | {"lat": str(LON), "lon": str(LAT)}
    nothing_chosen = {"file": (io.BytesIO(b""), ""), "geometry": "kept"}
    asked = post(officer, county, turned | nothing_chosen)
    assert asked.status_code == 422
    assert ">kept</textarea>" in asked.text
    assert 'type="radio" name="axes" value="lat_lon"' in asked.text
    assert "it lies in the agency’s city or county" in asked.text
    assert asked.text.count("data-reading=") == 1
    small = turned | {"axes": "lat_lon", "radius_m": "30"}
    doubtful = post(officer, county, small)
    assert 'name="axes" value="lat_lon" data-answer' in doubtful.text
    assert "Why it is meant as it is" in doubtful.text
    assert "30 m around a point" in doubtful.text
    assert made(database) == []
    assert post(officer, county, small | {"reason": "判决写明"}).status_code == 302
    (zone,) = made(database)
    assert (zone.lat, zone.lon, zone.reason) == (LAT, LON, "判决写明")
    assert "meant because: 判决写明" in officer.get(f"/enrol/{county.case}/zones").text


def test_the_three_readings_of_an_outline_are_drawn_and_a_file_is_not_asked_for_twice(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.reading() as session:
        district = boundaries.county_outline(session, "520303", date(2026, 11, 20), 20)
    shifted = shapely.transform(shapely.geometry.shape(district), to_gcj02)
    text = json.dumps(as_geojson(shifted))
    home = DRAWN | {"kind": "home", "geometry": ""}
    officer = client_of(Role.OFFICER)
    asked = post(officer, county, home | {"file": (io.BytesIO(text.encode()), "area.geojson")})
    assert asked.text.count("data-reading=") == 3
    assert "GCJ-02: it keeps within the border." in asked.text
    kept = unescape(asked.text.partition('name="geometry"')[2].partition(">")[2])
    answered = home | {"geometry": kept.partition("</textarea>")[0], "datum": "gcj02"}
    assert post(officer, county, answered).status_code == 302
    (zone,) = made(database)
    assert (zone.datum, zone.source) == ("gcj02", BoundarySource.IMPORTED)
    page = officer.get(f"/enrol/{county.case}/zones").text
    assert "from a file or program" in page
    assert "sent in GCJ02" in page


def test_a_program_is_asked_with_choices_and_the_parameter_to_answer_with(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, path = client_of(Role.OFFICER), f"/api/v1/cases/{county.case}/zones"
    turned = {"type": "Polygon", "coordinates": [[[lat, lon] for lon, lat in CORNERS]]}
    body = {"kind": "exclusion", "name": "学校", "geometry": turned, "wording": "学校一带"}
    answer = officer.post(path, json=body)
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert (problem["field"], problem["answer"]) == ("geometry", "axes")
    assert problem["type"] == "urn:correction:unclear"
    assert [it["value"] for it in problem["choices"]] == ["lat_lon", "lon_lat"]
    made_one = officer.post(path, json=body | {"axes": "lat_lon"})
    assert made_one.status_code == 201, made_one.text
    said = made_one.get_json()
    assert (said["source"], said["margin_m"], said["datum"]) == ("imported", 130, "wgs84")
    over = {
        "kind": "home",
        "name": "家",
        "circle": {"lat": LAT + 0.003, "lon": LON + 0.007, "radius_m": 60},
    }
    refused = officer.post(path, json=over).get_json()
    assert (refused["status"], refused["type"]) == (409, "urn:correction:contradiction")
    assert f"no. {said['id']}" in refused["title"]
    changed = officer.put(f"/api/v1/zones/{said['id']}", json={"valid_to": "2030-01-01T00:00:00Z"})
    assert changed.status_code == 200, changed.text
    assert (changed.get_json()["valid_to"][:10], changed.get_json()["wording"]) == (
        "2030-01-01",
        None,
    )


def test_an_officer_changes_how_long_a_zone_holds_and_sees_its_state(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, page = client_of(Role.OFFICER), f"/enrol/{county.case}/zones"
    post(officer, county, CURFEW)
    assert "no position yet" in officer.get(page).text
    (night,) = made(database)
    revision = {"valid_to": "2030-12-31", "hours": "20:00-06:00"}
    said = officer.post(f"{page}/{night.id}/revise", data=revision, follow_redirects=True)
    assert "The zone is changed." in said.text
    assert 'value="2030-12-31"' in said.text
    before, after = made(database)
    assert (before.hours, after.hours) == ("22:00-06:00", "20:00-06:00")
    wrong = officer.post(f"{page}/{after.id}/revise", data={"hours": "x"}, follow_redirects=True)
    assert "read like 22:00-06:00" in wrong.text
    assert officer.post(f"/enrol/{county.case + 1}/zones/{after.id}/revise").status_code == 404


def test_a_zone_that_rests_for_a_leave_says_what_goes_on_after_it(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, now = client_of(Role.OFFICER), datetime.now(UTC)
    officer.post(f"/enrol/{county.case}/zones", data=ROUND | {"kind": "home", "radius_m": "3000"})
    with database.transaction(SYSTEM, "test") as session:
        approval = Approval(
            reason=LeaveReason.STUDY,
            divisions=["520100"],
            starts_at=now + timedelta(hours=1),
            ends_at=now + timedelta(days=2),
            note="外出审批表",
        )
        by = session.get_one(User, county.users[Role.OFFICER])
        leaves.approve(session, by, county.case, approval, now)
    page = officer.get(f"/enrol/{county.case}/zones").text
    assert "rests for a leave, goes on as no. 2" in page
    assert "after a leave: outside it the return is overdue" in page
    assert 'id="valid_to-1" name="valid_to" type="date" value=""' in page, "it goes on without end"
