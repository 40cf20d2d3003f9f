"""What the wearer is shown of zones: where to keep to by name, where to keep out by the order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people.phones import offer
from correction_service.zones import zones
from correction_service.zones.zones import Terms
from models.area import circle
from models.case import Case
from models.zone import ZoneKind
from tests.county import County

LAT, LON = 27.723456, 106.934567
SECRET_NAME = "受害人住处"
WORDING = "禁止进入被害人住所周围五百米"
RADIUS_M = 543.0
SECRETS = (SECRET_NAME, "27.72", "106.93", "543")


@pytest.fixture
def wearer(app: Flask, database: Database, county: County) -> FlaskClient:
    """The phone of a person with a home area, who keeps out of a circle and of a drawn place."""
    since = datetime.now(UTC) - timedelta(days=1)
    worded = Terms(kind=ZoneKind.EXCLUSION, name=SECRET_NAME, valid_from=since, wording=WORDING)
    home = Terms(kind=ZoneKind.HOME, name="本市城区", valid_from=since)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        zones.circle(session, case, worded, lat=LAT, lon=LON, radius_m=RADIUS_M)
        zones.drawn(session, case, replace(worded, wording=None), circle(LAT, LON, RADIUS_M))
        zones.circle(session, case, home, lat=27.7, lon=106.9, radius_m=10_000)
        code = offer(session, case.person, datetime.now(UTC))
    client = app.test_client()
    client.get("/m/pin?lang=en")
    client.post("/m/activate", data={"code": code, "pin": "407219", "again": "407219"})
    return client


def test_the_wearer_reads_where_to_keep_to_and_the_orders_words(wearer: FlaskClient) -> None:
    page = wearer.get("/m/").text
    assert "本市城区" in page
    assert f"Keep out of: {WORDING}" in page
    assert "Keep out of: a place that your order names." in page


def test_no_answer_to_the_phone_tells_where_an_exclusion_zone_lies(
    app: Flask, wearer: FlaskClient, county: County
) -> None:
    paths = [
        str(rule).replace("<int:case_id>", str(county.case))
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not set(rule.arguments) - {"case_id"}
    ]
    answers = {path: wearer.get(path) for path in paths if path != "/live"}
    shown = [path for path, answer in answers.items() if WORDING in answer.text]
    assert shown == ["/m/"]
    assert answers[f"/api/v1/cases/{county.case}/zones"].status_code in {401, 403}
    telling = {
        path
        for path, answer in answers.items()
        for secret in SECRETS
        if secret in answer.get_data(as_text=True)
    }
    assert telling == set()
