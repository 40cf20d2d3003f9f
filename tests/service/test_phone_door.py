"""The doors of the phone page: code, PIN, bound and shared phones, other browsers."""

from datetime import UTC, datetime
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people.phones import offer
from correction_service.settings import Settings
from models.case import Case
from models.person import Person
from models.phone import PhoneAccess
from tests.county import County
from tests.service.phone_client import PIN, WECHAT, code, english, phone

__all__ = ["code", "phone"]


def test_nobody_reads_the_page_without_a_pin(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/m/").location == "/m/pin"
    assert client.post("/api/v1/checkins/challenge").status_code == 401


def test_the_page_speaks_chinese_unless_asked(app: Flask) -> None:
    client = app.test_client()
    assert "登录" in client.get("/m/pin").text
    assert "登录" in client.get("/m/pin", headers={"Accept-Language": "fr"}).text
    assert "Sign in" in client.get("/m/pin", headers={"Accept-Language": "en"}).text


def test_a_bound_phone_asks_for_the_pin_alone(phone: FlaskClient) -> None:
    phone.post("/m/sign-out")
    page = phone.get("/m/pin").text
    assert "Case number" not in page
    assert phone.post("/m/pin", data={"pin": PIN}).location == "/m/"


def test_the_cookie_of_a_bound_phone_is_out_of_reach_of_scripts(app: Flask, code: str) -> None:
    form = {"code": code, "pin": PIN, "again": PIN}
    cookies = english(app).post("/m/activate", data=form).headers.getlist("Set-Cookie")
    (device,) = [each for each in cookies if each.startswith("correction_device=")]
    assert "HttpOnly" in device
    assert "Path=/m" in device
    assert "SameSite=Lax" in device


def test_a_shared_phone_keeps_nothing_and_asks_for_the_case_number(
    app: Flask, database: Database, code: str, county: County
) -> None:
    client = english(app)
    form = {"code": code, "pin": PIN, "again": PIN, "shared": "on"}
    answer = client.post("/m/activate", data=form)
    assert "correction_device" not in str(answer.headers)
    client.post("/m/sign-out")
    assert "Case number" in client.get("/m/pin").text
    with database.reading() as session:
        number = session.get_one(Case, county.case).number
    assert client.post("/m/pin", data={"number": number, "pin": PIN}).location == "/m/"


def test_two_pins_that_differ_leave_the_code_good(app: Flask, code: str) -> None:
    client = english(app)
    answer = client.post("/m/activate", data={"code": code, "pin": PIN, "again": "113355"})
    assert answer.status_code == 422
    assert "The two PINs are not the same." in answer.text
    form = {"code": code, "pin": PIN, "again": PIN}
    assert client.post("/m/activate", data=form).location == "/m/"


def test_twenty_wrong_pins_end_in_words_about_the_officer(
    phone: FlaskClient, database: Database, enrolled: UUID
) -> None:
    phone.post("/m/sign-out")
    answer = phone.post("/m/pin", data={"pin": "999998"})
    assert "You have 4 more tries." in answer.text
    for _ in range(19):
        answer = phone.post("/m/pin", data={"pin": "999998"})
        with database.transaction(SYSTEM, "test") as session:
            session.get_one(PhoneAccess, enrolled).locked_until = None
    assert answer.status_code == 401
    assert "Your officer gives you a new code." in answer.text
    assert phone.post("/m/pin", data={"pin": PIN}).status_code == 401


def test_a_lost_phone_is_locked_out_by_a_new_code(
    phone: FlaskClient, database: Database, enrolled: UUID
) -> None:
    assert phone.get("/m/").status_code == 200
    with database.transaction(SYSTEM, "test") as session:
        offer(session, session.get_one(Person, enrolled), datetime.now(UTC))
    assert phone.get("/m/").location == "/m/pin"
    assert "Case number" in phone.get("/m/pin").text


def test_a_phone_left_lying_closes_by_itself(phone: FlaskClient, settings: Settings) -> None:
    with phone.session_transaction() as cookie:
        cookie["person"]["at"] -= settings.phone_session_minutes * 60 + 1
        cookie.modified = True
    assert phone.get("/m/").location == "/m/pin"


def test_a_chat_programs_browser_is_sent_to_the_page_that_says_how_to_leave_it(
    phone: FlaskClient, app: Flask
) -> None:
    answer = phone.get("/m/checkin", headers={"User-Agent": WECHAT})
    assert answer.location == "/m/browser"
    assert app.test_client().get("/m/activate", headers={"User-Agent": WECHAT}).location == (
        "/m/browser"
    )
    page = phone.get("/m/browser").text
    assert "Open in browser" in page
    assert "http://127.0.0.1:8000/m/" in page


def test_the_shell_that_a_phone_keeps_holds_nothing_personal(
    phone: FlaskClient, app: Flask
) -> None:
    assert phone.get("/m/offline").data == app.test_client().get("/m/offline").data
    worker = phone.get("/m/sw.js")
    assert worker.mimetype == "text/javascript"
    manifest = phone.get("/m/manifest.webmanifest").json
    assert manifest is not None
    assert (manifest["start_url"], manifest["display"]) == ("/m/", "standalone")
