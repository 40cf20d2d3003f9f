"""Rights as a phone's and an officer's requests meet them: asked, answered, read, taken home."""

from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework.points import confirm
from correction_service.db import Database
from correction_service.people.cases import end, latest_case
from models.assessment import Objection
from models.case import Case, CaseState
from models.person_request import PersonRequest
from models.user import Role
from tests.county import DAY, County, add_draft, make_case
from tests.pages import SignedInClient


def only_request(database: Database) -> int:
    with database.reading() as session:
        return session.scalars(select(PersonRequest)).one().id


def test_a_copy_is_asked_for_released_and_taken_as_paper_and_data(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database, county: County
) -> None:
    said = opened_phone.post("/m/rights/copy", data={}, follow_redirects=True).text
    assert "Your request has arrived." in said
    made = only_request(database)
    assert opened_phone.get(f"/m/rights/requests/{made}/copy.pdf").status_code == 409
    officer = client_of(Role.OFFICER)
    assert f"/requests/{made}" in officer.get("/requests/").text
    form = {"decision": "granted", "note": "released as asked"}
    assert officer.post(f"/requests/{made}", data=form).status_code == 302
    assert "released as asked" in opened_phone.get("/m/rights").text
    paper = opened_phone.get(f"/m/rights/requests/{made}/copy.pdf")
    assert paper.data.startswith(b"%PDF-1.7")
    data = opened_phone.get(f"/m/rights/requests/{made}/copy.json").json
    assert data is not None
    assert {"what": "category", "value": "suspended_sentence"} in data["tables"]["sentence"]


def test_a_petition_is_not_there_for_the_officers_of_the_case(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database
) -> None:
    form = {"text": "I was asked for money", "addressee": "agency"}
    assert opened_phone.post("/m/rights/petition", data=form).status_code == 302
    made = only_request(database)
    assert client_of(Role.OFFICER).get(f"/requests/{made}").status_code == 404
    assert "I was asked for money" in client_of(Role.COUNTY_HEAD).get(f"/requests/{made}").text
    assert "1 request of a person to answer" in client_of(Role.COUNTY_HEAD).get("/needs").text
    assert "request of a person" not in client_of(Role.OFFICER).get("/needs").text


def test_what_is_missing_is_said_at_its_field_and_nothing_typed_is_lost(
    opened_phone: FlaskClient,
) -> None:
    answer = opened_phone.post("/m/rights/correction", data={"text": "the street is another"})
    assert answer.status_code == 422
    assert 'id="field-error"' in answer.text
    assert "the street is another" in answer.text


@pytest.mark.parametrize("path", ["/m/rights/other", "/m/rights/requests/9/copy.pdf"])
def test_what_is_not_there_is_said_so(opened_phone: FlaskClient, path: str) -> None:
    assert opened_phone.get(path).status_code == 404


def test_a_declined_request_is_carried_on_by_a_button(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database
) -> None:
    form = {"text": "my birthday is another", "field": "birth"}
    opened_phone.post("/m/rights/correction", data=form)
    made = only_request(database)
    officer = client_of(Role.OFFICER)
    officer.post(f"/requests/{made}", data={"decision": "declined", "note": "as in the papers"})
    assert "Turn to the procuratorate" in opened_phone.get("/m/rights").text
    opened_phone.post(f"/m/rights/requests/{made}/carry-on")
    assert "You turned to the procuratorate." in opened_phone.get("/m/rights").text
    page = client_of(Role.PROCURATOR).get(f"/requests/{made}").text
    assert "as in the papers" in page


def released(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.move(CaseState.RELEASED, datetime.now(UTC))
        end(session, case, datetime.now(UTC))


def test_rights_outlive_the_case(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database, county: County
) -> None:
    opened_phone.post("/m/rights/copy", data={})
    made = only_request(database)
    form = {"decision": "granted", "note": "released as asked"}
    client_of(Role.OFFICER).post(f"/requests/{made}", data=form)
    released(database, county)
    assert "released as asked" in opened_phone.get("/m/rights").text
    assert opened_phone.get(f"/m/rights/requests/{made}/copy.json").status_code == 200
    petition = {"text": "I was asked for money", "addressee": "agency"}
    assert opened_phone.post("/m/rights/petition", data=petition).status_code == 302
    assert opened_phone.get("/m/looks").status_code == 200
    assert opened_phone.get("/m/points").status_code == 200
    assert opened_phone.post("/m/consent", data={"choice": "withdraw"}).status_code == 302


def test_an_entry_is_objected_to_after_release_and_carried_on(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        draft = add_draft(session, county.case, "stand_in", "checkin:1", DAY)
        entry = confirm(session, draft, county.users[Role.OFFICER], datetime.now(UTC), "核实").id
    released(database, county)
    assert opened_phone.post(f"/m/points/{entry}/object", data={"text": "me"}).status_code == 302
    with database.reading() as session:
        objection = session.scalars(select(Objection.id)).one()
    form = {"decision": "dismissed", "note": "the photo shows another"}
    client_of(Role.COUNTY_HEAD).post(f"/points/objections/{objection}/answer", data=form)
    assert opened_phone.post(f"/m/points/objections/{objection}/carry-on").status_code == 302


def test_after_the_end_the_phone_says_so_and_asks_nothing(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    released(database, county)
    assert "Your supervision has ended" in opened_phone.get("/m/").text
    for closed in ("/m/leave", "/m/duties"):
        said = opened_phone.get(closed)
        assert said.status_code == 409
        assert "nothing is asked" in said.text
    assert opened_phone.post("/m/consent", data={"choice": "give"}).status_code == 409


def test_of_two_cases_the_running_one_is_read(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ended = session.get_one(Case, county.case)
        ended.state = CaseState.RELEASED
        running = make_case(session, ended.office, 2, person=ended.person)
        running.term_start, running.term_end = date(2026, 1, 1), date(2027, 1, 1)
        session.flush()
        assert latest_case(session, ended.person_id).id == running.id


def test_an_officer_takes_a_request_at_the_counter_and_hands_the_copy_over(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, page = client_of(Role.OFFICER), f"/requests/cases/{county.case}"
    assert page in officer.get(f"/cases/{county.case}/file").text
    assert "Choose one of the list." in officer.post(page, follow_redirects=True).text
    assert officer.post(page, data={"kind": "copy"}).status_code == 302
    made = only_request(database)
    assert officer.get(f"/requests/{made}/copy.pdf").status_code == 409
    officer.post(f"/requests/{made}", data={"decision": "granted", "note": "released as asked"})
    assert f"/requests/{made}/copy.pdf" in officer.get(f"/requests/{made}").text
    assert officer.get(f"/requests/{made}/copy.pdf").data.startswith(b"%PDF-1.7")


def test_a_petition_taken_at_the_counter_is_out_of_the_takers_list(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer = client_of(Role.OFFICER)
    form = {"kind": "petition", "text": "I was asked for money", "addressee": "agency"}
    officer.post(f"/requests/cases/{county.case}", data=form)
    made = only_request(database)
    assert f"/requests/{made}" not in officer.get("/requests/").text
    assert officer.get(f"/requests/{made}").status_code == 404
    assert "I was asked for money" in client_of(Role.COUNTY_HEAD).get(f"/requests/{made}").text


def test_no_office_takes_a_request_for_anothers_person(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).office_id = county.other_office
    taken = client_of(Role.OFFICER).post(f"/requests/cases/{county.case}", data={"kind": "copy"})
    assert taken.status_code == 404
