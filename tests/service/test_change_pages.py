"""Telling of a change on the phone, and reading, answering and writing one down in the console."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.enforcement import erasures
from models.audit import AuditRecord
from models.case import Case, CaseState
from models.change_report import ChangeKind, ChangeReport, ReportWay
from models.user import Role
from tests.county import NOW, County
from tests.pages import SignedInClient
from tests.service.test_phone_readable import faults

JOB = {"kind": "job", "text": "I work at another site", "changed_on": "2026-10-01"}


def only(database: Database) -> ChangeReport:
    with database.reading() as session:
        found = session.scalars(select(ChangeReport)).one()
        session.expunge(found)
        return found


def test_a_change_is_told_read_and_answered(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database
) -> None:
    page = opened_phone.post("/m/changes", data=JOB, follow_redirects=True).text
    made = only(database)
    assert f"It has arrived. Receipt: {made.receipt}." in page
    assert "It has arrived and waits to be read" in page
    assert faults(page) == []
    officer = client_of(Role.OFFICER)
    listed = officer.get("/needs").text
    assert "Tells of a change, and nobody has read it yet: job or school" in listed
    assert JOB["text"] not in listed
    assert JOB["text"] in officer.get(f"/changes/{made.id}").text
    form = {"note": "visit on Friday", "answer": "Bring the contract, please."}
    said = officer.post(f"/changes/{made.id}", data=form, follow_redirects=True).text
    assert "Noted as read" in said
    assert "visit on Friday" in said
    assert f"/changes/{made.id}" not in officer.get("/needs").text
    page = opened_phone.get("/m/changes").text
    assert "Read by an officer on" in page
    assert "Bring the contract, please." in page
    assert "visit on Friday" not in page


def test_a_look_at_the_words_is_on_record_and_the_list_has_none(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database, county: County
) -> None:
    opened_phone.post("/m/changes", data=JOB)
    made, officer = only(database), client_of(Role.OFFICER)
    assert JOB["text"] not in officer.get(f"/changes/cases/{county.case}").text
    looks = select(AuditRecord).where(AuditRecord.action == "view_change")
    with database.reading() as session:
        assert session.scalars(looks).all() == []
    officer.get(f"/changes/{made.id}")
    with database.reading() as session:
        assert session.scalars(looks).one().subject_id == str(made.id)
    assert "a change that you told of" in opened_phone.get("/m/looks").text


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"text": "moved", "kind": ""}, "kind"),
        ({"text": "", "kind": "home"}, "text"),
        ({"text": "moved", "kind": "home", "changed_on": "soon"}, "changed_on"),
    ],
)
def test_what_is_missing_is_said_at_its_field_and_nothing_typed_is_lost(
    opened_phone: FlaskClient, form: dict[str, str], field: str
) -> None:
    answer = opened_phone.post("/m/changes", data=form)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert form["text"] in answer.text
    assert faults(answer.text) == []


def test_duties_and_the_first_page_lead_to_the_form(opened_phone: FlaskClient) -> None:
    assert 'href="/m/changes"' in opened_phone.get("/m/duties").text
    assert 'href="/m/changes"' in opened_phone.get("/m/").text


def test_after_the_end_nothing_is_asked_and_what_was_told_stays_readable(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    opened_phone.post("/m/changes", data=JOB)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state = CaseState.RELEASED
    assert 'href="/m/changes"' in opened_phone.get("/m/").text
    page = opened_phone.get("/m/changes").text
    assert JOB["text"] in page
    assert 'name="kind"' not in page
    assert faults(page) == []
    refused = opened_phone.post("/m/changes", data=JOB)
    assert refused.status_code == 409
    assert "nothing is asked" in refused.text


def test_an_officer_writes_down_what_was_told_by_call(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, page = client_of(Role.OFFICER), f"/changes/cases/{county.case}"
    assert page in officer.get(f"/cases/{county.case}/file").text
    refused = officer.post(page, data=JOB, follow_redirects=True).text
    assert "Choose one of the list." in refused
    form = {**JOB, "way": "call", "told_at": "2026-11-20T09:00"}
    assert "Written down." in officer.post(page, data=form, follow_redirects=True).text
    made = only(database)
    assert (made.kind, made.way) == (ChangeKind.JOB, ReportWay.CALL)
    assert made.told_at.isoformat() == "2026-11-20T01:00:00+00:00"
    assert made.receipt in officer.get(page).text
    assert made.receipt in officer.get(f"/cases/{county.case}").text


def test_of_a_destroyed_file_the_page_asks_for_nothing(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database, county: County
) -> None:
    opened_phone.post("/m/changes", data=JOB)
    page = f"/changes/{only(database).id}"
    officer = client_of(Role.OFFICER)
    assert 'name="answer"' in officer.get(page).text
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.state = CaseState.RELEASED
        erasures.erase(session, case.person, NOW)
    assert 'name="answer"' not in officer.get(page).text
    refused = officer.post(page, data={"answer": "x"}, follow_redirects=True)
    assert "was erased" in refused.text


@pytest.mark.parametrize("told_at", ["0001-01-01T00:00", "0026-11-20T09:00", "9999-12-31T23:59"])
def test_a_moment_outside_the_sentence_is_refused_in_words(
    client_of: SignedInClient, database: Database, county: County, told_at: str
) -> None:
    page, form = f"/changes/cases/{county.case}", {**JOB, "way": "call", "told_at": told_at}
    refused = client_of(Role.OFFICER).post(page, data=form, follow_redirects=True)
    assert refused.status_code == 200
    assert "took effect" in refused.text or "still to come" in refused.text
    with database.reading() as session:
        assert session.scalars(select(ChangeReport)).all() == []


def test_no_office_writes_one_down_for_anothers_person(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).office_id = county.other_office
    form = {**JOB, "way": "paper"}
    taken = client_of(Role.OFFICER).post(f"/changes/cases/{county.case}", data=form)
    assert taken.status_code == 404
