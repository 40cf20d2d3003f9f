"""The kiosk at the counter, as a browser meets it."""

from uuid import UUID

from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.case import Case
from models.checkin import CheckIn, Way
from models.user import Role
from tests.county import County
from tests.enrolled import Bursts
from tests.pages import SignedInClient
from tests.service.phone_client import send


def test_the_kiosk_checks_in_by_case_number_and_shows_no_name(
    client_of: SignedInClient, database: Database, county: County, enrolled: UUID, bursts: Bursts
) -> None:
    kiosk = client_of(Role.OFFICER)
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        number, name = case.number, case.person.name
    assert kiosk.post("/kiosk/open").location == "/kiosk/counter"
    assert kiosk.post("/kiosk/counter", data={"number": number}).location == "/kiosk/camera"
    result = send(kiosk, bursts.person, "/kiosk").json
    assert result is not None
    assert result["outcome"] == "match"
    page = kiosk.get(f"/kiosk/receipt/{result['receipt']}").text
    assert result["receipt"] in page
    assert name not in page
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert (made.way, made.recorded_by) == (Way.KIOSK, county.users[Role.OFFICER])


def test_an_open_kiosk_shows_nothing_of_the_console(client_of: SignedInClient) -> None:
    kiosk = client_of(Role.OFFICER)
    kiosk.post("/kiosk/open")
    assert kiosk.get("/").location == "/kiosk/counter"
    assert kiosk.get("/password").location == "/kiosk/counter"
    assert kiosk.post("/kiosk/close").location == "/sign-in"
    assert "/sign-in" in kiosk.get("/kiosk/counter").location


def test_the_kiosk_knows_the_cases_of_its_offices_only(
    client_of: SignedInClient, database: Database, county: County, enrolled: UUID
) -> None:
    kiosk = client_of(Role.OFFICER)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.office_id = county.other_office
        number = case.number
    answer = kiosk.post("/kiosk/counter", data={"number": number})
    assert answer.status_code == 404
    assert "There is no such case number here." in answer.text
