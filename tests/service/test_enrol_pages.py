"""The enrolment pages: errors name their fields, what was typed stays, each step says its state."""

import base64
import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import intake
from correction_service.people.cases import legal_day
from models.agency import Office
from models.case import Case
from models.checkin import CheckInPlan
from models.consent import Consent
from models.device import Binding, Device, Gateway
from models.phone import PhoneAccess
from models.user import Role
from models.zone import Zone
from tests.county import VALID_ID, County
from tests.faces import FacePhotos, face_photos
from tests.pages import SignedInClient
from tests.service.test_api_persons import ENTRY, upload

__all__ = ["face_photos"]

TODAY = legal_day(datetime.now(UTC))


@pytest.fixture
def officer(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.OFFICER)


@pytest.fixture
def head(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.COUNTY_HEAD)


def entry(county: County, **fields: str) -> dict[str, str]:
    return {**ENTRY, "id_kind": "resident", "office": str(county.office), **fields}


def step_states(page: str) -> dict[str, str]:
    found = re.findall(r'id="title-(\w+)">.*?step-state (\w+)', page, re.DOTALL)
    return dict(found)


def test_a_person_is_enrolled_and_the_steps_come_next(officer: FlaskClient, county: County) -> None:
    answer = officer.post("/enrol/", data=entry(county), follow_redirects=True)
    assert answer.status_code == 200
    assert step_states(answer.text) == {
        "team": "to_do",
        "report_in": "to_do",
        "consent": "to_do",
        "face": "not_needed",
        "phone": "to_do",
        "plan": "done",
        "order": "not_needed",
        "home": "not_needed",
        "bracelet": "not_needed",
    }
    assert VALID_ID not in answer.text
    assert "13800000000" not in answer.text


def test_errors_are_summed_up_linked_to_their_fields_and_nothing_typed_is_lost(
    officer: FlaskClient, county: County, database: Database
) -> None:
    wrong = entry(county, id_number="110105194912310021", term_end="2026-13-01", name="")
    answer = officer.post("/enrol/", data=wrong)
    assert answer.status_code == 422
    summary = answer.text.partition('id="error-summary"')[2].partition("</div>")[0]
    assert re.findall(r'href="#(\w+)"', summary) == ["name", "id_number", "term_end"]
    assert 'value="110105194912310021"' in answer.text
    assert 'value="汇川区人民法院"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 3
    assert "Location" not in answer.headers
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 1


def test_the_form_speaks_chinese(officer: FlaskClient, county: County) -> None:
    answer = officer.post("/enrol/?lang=zh", data=entry(county, id_number="1"))
    assert "证件号码: 居民身份证" in answer.text
    assert "Enrol" not in answer.text


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("", None),
        ("/consent", None),
        ("/face", None),
        ("/team", {"name": "王某", "sex": "male", "part": "family"}),
        ("/report-in", {"reported_on": "2026-11-17"}),
        ("/contact", {"phone": "13800000000"}),
        ("/phone/code", {}),
        ("/plan", {"weekday": "1", "opens": "09:00", "closes": "10:00", "late_minutes": "0"}),
        ("/home", {"division": "520303"}),
        ("/bracelet", {"device": "b1"}),
        ("/consent", {"answer": "refused"}),
    ],
)
def test_a_case_of_another_office_does_not_exist(
    officer: FlaskClient, county: County, database: Database, path: str,
    form: dict[str, str] | None,
) -> None:  # fmt: skip
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.office = session.get_one(Office, county.other_office)
    address = f"/enrol/{county.case}{path}"
    answer = officer.get(address) if form is None else officer.post(address, data=form)
    assert answer.status_code == 404


def test_a_step_in_error_keeps_its_values_and_stays_open(
    officer: FlaskClient, county: County
) -> None:
    plan = {"weekday": ["1", "3"], "opens": "05:00", "closes": "10:00", "late_minutes": "30"}
    answer = officer.post(f"/enrol/{county.case}/plan", data=plan)
    assert answer.status_code == 422
    assert 'id="opens-error"' in answer.text
    assert 'value="05:00"' in answer.text
    late = officer.post(f"/enrol/{county.case}/plan", data={**plan, "late_minutes": "soon"})
    assert 'id="late_minutes-error"' in late.text
    contact = officer.post(f"/enrol/{county.case}/contact", data={"phone": "1"})
    assert 'id="phone-error"' in contact.text


def test_a_plan_a_contact_and_a_member_are_kept(
    officer: FlaskClient, county: County, database: Database
) -> None:
    plan = {"weekday": ["1", "3"], "opens": "09:00", "closes": "10:00", "late_minutes": "30",
            "spot_checks": "1"}  # fmt: skip
    assert officer.post(f"/enrol/{county.case}/plan", data=plan).status_code == 302
    officer.post(f"/enrol/{county.case}/contact", data={"phone": "13911112222"})
    member = {"name": "赵某", "sex": "male", "part": "neighbour"}
    page = officer.post(f"/enrol/{county.case}/team", data=member, follow_redirects=True)
    assert "赵某" in page.text
    with database.reading() as session:
        kept = session.get_one(CheckInPlan, county.case)
        assert (kept.weekdays, kept.spot_checks) == ("13", True)
        assert session.get_one(Case, county.case).person.phone_sealed is not None


def test_a_code_is_on_one_page_only_with_its_square_and_its_end(
    officer: FlaskClient, county: County, database: Database
) -> None:
    shown = officer.post(f"/enrol/{county.case}/phone/code")
    found = re.search(r"data-code>([0-9A-Z]{4}-[0-9A-Z]{4})<", shown.text)
    assert found is not None
    assert 'src="data:image/svg+xml' in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    again = officer.get(f"/enrol/{county.case}").text
    assert found[1] not in again
    assert "A code waits to be used until" in again


def test_wrong_pins_no_smartphone_and_a_lost_phone_have_their_ways(
    officer: FlaskClient, county: County, database: Database, app: Flask
) -> None:
    officer.post(f"/enrol/{county.case}/phone/code")
    with database.transaction(SYSTEM, "test") as session:
        phone = session.scalars(select(PhoneAccess)).one()
        phone.activate("hash")
        phone.locked_until = phone.person.created_at + timedelta(days=9999)
    page = officer.get(f"/enrol/{county.case}").text
    assert "Closed by wrong PINs until" in page
    assert "Lost phone or forgotten PIN: new code" in page
    officer.post(f"/enrol/{county.case}/phone/unlock")
    assert "Closed by wrong PINs" not in officer.get(f"/enrol/{county.case}").text
    without = officer.post(
        f"/enrol/{county.case}/phone/none", data={"without": "1"}, follow_redirects=True
    )
    assert "checks in with an officer or at the kiosk" in without.text
    officer.post(f"/enrol/{county.case}/phone/code")
    with database.reading() as session:
        assert session.scalars(select(PhoneAccess)).one().pin_hash is None


def test_consent_is_read_first_and_refusing_is_a_step_done(
    officer: FlaskClient, county: County, database: Database
) -> None:
    page = officer.get(f"/enrol/{county.case}/consent").text
    assert "costs no points" in page
    assert "不扣分" in page
    given = {"answer": "given", "version": "face_check.v1"}
    assert officer.post(f"/enrol/{county.case}/consent", data=given).status_code == 422
    assert officer.get(f"/enrol/{county.case}/face").status_code == 409
    steps = officer.post(
        f"/enrol/{county.case}/consent", data={"answer": "refused"}, follow_redirects=True
    )
    assert step_states(steps.text)["consent"] == "done"
    assert step_states(steps.text)["face"] == "not_needed"
    officer.post(f"/enrol/{county.case}/consent", data={**given, "read": "1"})
    assert officer.get(f"/enrol/{county.case}/face").status_code == 200
    with database.reading() as session:
        acts = session.scalars(select(Consent.given).order_by(Consent.id)).all()
    assert list(acts) == [False, True]


def test_a_face_is_enrolled_without_scripts_and_a_refused_photo_says_why(
    officer: FlaskClient, county: County, face_photos: FacePhotos
) -> None:
    address = f"/enrol/{county.case}/face"
    agreed = {"answer": "given", "version": "face_check.v1", "read": "1"}
    officer.post(f"/enrol/{county.case}/consent", data=agreed)
    photos = [path.read_bytes() for path in face_photos.person]
    refused = officer.post(address, **upload(photos[0], photos[1], b"not an image"))
    assert refused.status_code == 409
    assert "This file is not a photo" in refused.text
    assert "Fewer than three photos" in refused.text
    assert officer.post(address, data={}).status_code == 422
    done = officer.post(address, **upload(*photos), follow_redirects=True)
    assert step_states(done.text)["face"] == "done"


def test_tracking_is_set_up_under_an_order_and_taken_off_again(
    head: FlaskClient, officer: FlaskClient, county: County, database: Database
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        gateway = Gateway(name="g1", agency_id=county.agency, secret_hash="!")
        session.add(Device(name="b1", gateway=gateway))
    order = {
        "ground": "left_without_approval",
        "evidence": "笔录",
        "document_kind": "document",
        "document": "笔录 3",
        "starts_on": str(TODAY),
        "ends_on": str(TODAY + timedelta(days=1)),
    }
    steps = f"/enrol/{county.case}"
    ordering = f"/cases/{county.case}/orders"
    unfounded = head.post(ordering, data={**order, "ground": ""})
    assert 'id="ground-error"' in unfounded.text
    early = officer.post(f"{steps}/bracelet", data={"device": "b1"})
    assert "only under an order in force" in early.text
    assert head.post(ordering, data=order).status_code == 302
    assert step_states(officer.get(steps).text)["home"] == "to_do"
    assert 'id="divisions"' in officer.post(f"{steps}/home", data={}).text
    officer.post(f"{steps}/home", data={"division": ["520302", "520303", "520304"]})
    officer.post(f"{steps}/home", data={"division": ["520303"]})
    unknown = officer.post(f"{steps}/bracelet", data={"device": "nothing"})
    assert unknown.status_code == 404
    assert 'id="device-error"' in unknown.text
    worn = officer.post(f"{steps}/bracelet", data={"device": "b1"}, follow_redirects=True)
    assert set(step_states(worn.text).values()) >= {"done"}
    assert step_states(worn.text)["bracelet"] == "done"
    officer.post(f"{steps}/bracelet", data={"unbind": "1"})
    with database.reading() as session:
        assert session.scalars(select(Binding)).one().unbound_at is not None
        zones = session.scalars(select(Zone).order_by(Zone.id)).all()
        assert [zone.valid_to is None for zone in zones] == [False, True]


def sent(officer: FlaskClient, data: bytes) -> TestResponse:
    return officer.post("/enrol/import/", data={"file": (io.BytesIO(data), "people.csv")})


def test_a_file_with_a_fault_enrols_nobody_and_gives_its_report(
    officer: FlaskClient, county: County, database: Database
) -> None:
    headings = [names[0] for names in intake.LABELS.values()]
    good = {**entry(county), "office": "甲司法所", "id_kind": ""}
    rows = [
        [str(person.get(field, "")) for field in intake.LABELS]
        for person in (good, {**good, "id_number": "1"})
    ]
    text = io.StringIO()
    csv.writer(text).writerows([headings, *rows])
    answer = sent(officer, text.getvalue().encode("gbk"))
    assert answer.status_code == 422
    assert "Nobody was enrolled: 1 fault." in answer.text
    report = re.search(r"data:text/csv;base64,([\w+/=]+)", answer.text)
    assert report is not None
    assert base64.b64decode(report[1]).decode("utf-8-sig").splitlines()[1].startswith("3,")
    text = io.StringIO()
    csv.writer(text).writerows([headings, rows[0]])
    done = sent(officer, text.getvalue().encode("gbk"))
    assert done.status_code == 302
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 2


def test_no_file_and_no_table_are_refused_in_words(officer: FlaskClient) -> None:
    assert "Choose a file first" in officer.post("/enrol/import/").text
    assert sent(officer, b"\x89PNG\0").status_code == 422


def test_the_empty_sheet_has_the_headings_as_text(officer: FlaskClient) -> None:
    answer = officer.get("/enrol/import/template.xlsx")
    sheet = load_workbook(io.BytesIO(answer.data)).worksheets[0]
    assert [cell.value for cell in sheet[1]] == [names[1] for names in intake.LABELS.values()]
    assert {cell.number_format for cell in sheet[2]} == {"@"}
