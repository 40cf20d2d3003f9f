"""Whom to keep away from, in the console: recorded, seen by who may, ended; places to meet."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import sightings
from correction_service.incidents.sightings import Seen
from models.agency import Office
from models.company import CompanyBan, MeetingPlace
from models.incident import IncidentKind
from models.user import Role
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient

ORDER = "(2026)黔0303刑初17号"


@pytest.fixture
def officer(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.OFFICER)


@pytest.fixture
def others(database: Database, county: County) -> tuple[int, int]:
    """Another case of the office, and one of the other office."""
    with database.transaction(SYSTEM, "test") as session:
        mine = make_case(session, session.get_one(Office, county.office), 2)
        theirs = make_case(session, session.get_one(Office, county.other_office), 3)
        session.flush()
        return mine.id, theirs.id


def record(client: FlaskClient, county: County, **form: str) -> str:
    path = f"/cases/{county.case}/company"
    return client.post(path, data={"basis": ORDER, **form}, follow_redirects=True).text


def test_an_officer_records_an_order_and_ends_it(
    officer: FlaskClient, database: Database, county: County, others: tuple[int, int]
) -> None:
    page = record(officer, county, numbers="T000002，", valid_to="2030-01-31")
    assert "From now on they are looked at" in page
    assert ORDER in page
    assert ORDER in officer.get(f"/cases/{others[0]}/decisions").text
    assert "To keep away from others" in officer.get(f"/cases/{others[0]}").text
    with database.reading() as session:
        ban = session.scalars(select(CompanyBan)).one().id
    strange = officer.post(f"/cases/{others[1]}/company/{ban}/lift")
    assert strange.status_code == 404
    ended = officer.post(f"/cases/{county.case}/company/{ban}/lift", follow_redirects=True)
    assert "They may meet from now on." in ended.text


def test_a_refusal_stands_at_its_field(officer: FlaskClient, county: County) -> None:
    assert "named only: nobody follows them" in record(officer, county, named="被害人王某")
    assert "No open case in your offices has the number T9." in record(
        officer, county, numbers="T9"
    )
    assert "Name the order or decision" in record(officer, county, numbers="T9", basis="")


def test_people_of_another_office_are_counted_and_not_named(
    client_of: SignedInClient, officer: FlaskClient, county: County, others: tuple[int, int]
) -> None:
    record(client_of(Role.COUNTY_HEAD), county, numbers="T000003")
    page = officer.get(f"/cases/{county.case}/decisions").text
    assert "1 person of another office" in page
    assert "测试3" not in page
    assert "T000003" not in page


def test_an_incident_names_only_whom_the_reader_may_see(
    client_of: SignedInClient,
    officer: FlaskClient,
    database: Database,
    county: County,
    others: tuple[int, int],
) -> None:
    facts = {"cases": [county.case, *others], "bans": [1], "near_m": 20, "near_error_m": 15}
    facts |= {"together_s": 900, "neighbours": True}
    with database.transaction(SYSTEM, "test") as session:
        seen = Seen(
            kind=IncidentKind.GATHERING,
            case_id=county.case,
            device_id=None,
            since=NOW,
            at=NOW + timedelta(minutes=15),
            facts=facts,
        )
        incident = sightings.open_or_update(session, seen, NOW + timedelta(minutes=15)).id
    page = officer.get(f"/incidents/{incident}").text
    assert "3 people together · 15 minutes" in page
    assert "within 300 m of each other" in page
    assert "测试2" in page
    assert "1 person of another office" in page
    assert "测试3" not in page
    assert "测试3" in client_of(Role.COUNTY_HEAD).get(f"/incidents/{incident}").text
    assert "3 people together" in officer.get("/").text
    assert "测试3" not in officer.get("/incidents/export.csv").text


def test_the_head_keeps_the_places_to_meet(
    client_of: SignedInClient, officer: FlaskClient, database: Database, county: County
) -> None:
    head = client_of(Role.OFFICE_HEAD)
    form = {"name": "矫正中心", "lat": "27.71", "lon": "106.92", "radius_m": "80"}
    kept = head.post("/meeting-places/", data=form, follow_redirects=True)
    assert "The place is kept." in kept.text
    assert "矫正中心" in officer.get("/meeting-places/").text
    assert officer.post("/meeting-places/", data=form).status_code == 403
    bad = head.post("/meeting-places/", data=form | {"lat": "north"}, follow_redirects=True)
    assert "Write a number." in bad.text
    with database.reading() as session:
        place = session.scalars(select(MeetingPlace)).one().id
    gone = head.post(f"/meeting-places/{place}/end", follow_redirects=True).text
    assert "counts as anywhere else" in gone
    assert "No place yet" in gone
