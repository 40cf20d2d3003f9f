"""The phone page and the kiosk, as a browser's requests meet them."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from correction_service.discipline import measures
from correction_service.discipline.measures import File
from correction_service.face.liveness import unprompted
from correction_service.face.verifier import Verifier
from correction_service.people import consents
from correction_service.people.phones import offer
from correction_service.presence import duties
from correction_service.presence.captures import Capture
from correction_service.settings import Settings
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyState, Outcome, Way
from models.discipline import MeasureKind
from models.help_request import HelpKind, HelpRequest
from models.notice import Notice, NoticeState
from models.person import Person
from models.phone import PhoneAccess
from models.user import Role, User
from tests.county import County, add_draft
from tests.enrolled import Bursts
from tests.pages import SignedInClient

PIN = "407219"
WECHAT = "Mozilla/5.0 (Linux; Android 13) Chrome/116 Mobile Safari/537.36 MicroMessenger/8.0"


@pytest.fixture
def code(database: Database, enrolled: UUID) -> str:
    with database.transaction(SYSTEM, "test") as session:
        return offer(session, session.get_one(Person, enrolled), datetime.now(UTC))


def english(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.get("/m/pin?lang=en")
    return client


@pytest.fixture
def phone(app: Flask, database: Database, enrolled: UUID, code: str) -> FlaskClient:
    """The person's own phone, activated and open, in English."""
    client = english(app)
    form = {"code": code, "pin": PIN, "again": PIN}
    assert client.post("/m/activate", data=form).location == "/m/"
    return client


def challenge(client: FlaskClient, path: str = "/api/v1/checkins") -> str:
    answer = client.post(f"{path}/challenge").json
    assert answer is not None
    return str(answer["token"])


def send(
    client: FlaskClient, capture: Capture, path: str = "/api/v1/checkins", **fields: str
) -> TestResponse:
    frames = [(io.BytesIO(frame.data), f"{i}.jpg") for i, frame in enumerate(capture.frames)]
    form = {"token": challenge(client, path), "frames": frames, **fields}
    return client.post(f"{path}/capture", data=form, headers={"Accept": "application/json"})


def count(database: Database, table: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


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


def test_a_match_gives_a_receipt_that_a_reload_shows_again(
    phone: FlaskClient, database: Database, bursts: Bursts
) -> None:
    answer = send(phone, bursts.person, lat="27.72", lon="106.92", accuracy_m="12", mood="well")
    assert answer.status_code == 200
    result = answer.json
    assert result is not None
    assert (result["outcome"], result["counts"]) == ("match", False)
    assert result["liveness"] == "cannot_tell"  # nothing that was asked can be seen in one burst
    for _ in range(2):
        page = phone.get(f"/m/receipt/{result['receipt']}").text
        assert result["receipt"] in page
        assert "the movements could not be made out" in page


def test_a_stranger_before_the_camera_is_told_without_blame(
    phone: FlaskClient, bursts: Bursts
) -> None:
    result = send(phone, bursts.stranger).json
    assert result is not None
    assert (result["outcome"], result["counts"]) == ("no_match", False)
    page = phone.get(f"/m/receipt/{result['receipt']}").text
    assert "Nothing is held against you" in page
    assert "Or check in another way" in page


def test_a_burst_sent_again_after_a_lost_answer_finds_its_receipt(
    phone: FlaskClient, database: Database, bursts: Bursts
) -> None:
    token = challenge(phone)
    first, second = (send(phone, bursts.person, token=token).json for _ in range(2))
    assert first == second
    assert count(database, CheckIn) == 1


def test_a_replayed_challenge_is_refused_and_counted(phone: FlaskClient, bursts: Bursts) -> None:
    def counted() -> float:
        labels = {"code": "challenge_used"}
        return REGISTRY.get_sample_value("correction_captures_refused_total", labels) or 0

    before = counted()
    token = challenge(phone)
    send(phone, bursts.person, token=token)
    answer = send(phone, bursts.stranger, token=token)
    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["title"] == "This attempt was already sent. Start again."
    assert counted() == before + 1


def test_a_busy_service_says_when_to_come_back_and_holds_it_against_nobody(
    app: Flask, phone: FlaskClient, bursts: Bursts, database: Database
) -> None:
    with Verifier(workers=1, queue_length=-1) as full:  # not one place
        app.extensions["correction"] = replace(app.extensions["correction"], verifier=full)
        answer = send(phone, bursts.person)
    assert (answer.status_code, answer.json and answer.json["type"]) == (
        503,
        "urn:correction:busy",
    )
    assert int(answer.headers["Retry-After"]) > 0
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert (made.outcome, made.photo_id) == (Outcome.FAULT, None)
    assert phone.get("/m/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"lat": "91", "lon": "106"}, "lat"),
        ({"lat": "nan", "lon": "106"}, "lat"),
        ({"lat": "27", "lon": "east"}, "lon"),
        ({"mood": "furious"}, "mood"),
    ],
)
def test_a_wrong_field_is_named_and_the_challenge_stays_good(
    phone: FlaskClient, bursts: Bursts, fields: dict[str, str], field: str
) -> None:
    token = challenge(phone)
    refused = send(phone, bursts.group, token=token, **fields)
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["field"] == field
    assert send(phone, bursts.group, token=token).status_code == 200


def test_what_is_no_picture_is_named(phone: FlaskClient, database: Database) -> None:
    answer = send(phone, Capture(unprompted([b"hello"])))
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["field"] == "frames.0"
    assert answer.json["type"] == "urn:correction:image_not_an_image"
    assert count(database, CheckIn) == 0


def test_a_body_that_no_capture_needs_is_not_read(phone: FlaskClient) -> None:
    form = "multipart/form-data; boundary=x"
    answer = phone.post("/api/v1/checkins/capture", data=bytes(4_000_000), content_type=form)
    assert answer.status_code == 413


def test_home_says_what_is_next_and_shows_messages_which_proves_delivery(
    phone: FlaskClient, database: Database, county: County, settings: Settings
) -> None:
    wide = settings.model_copy(
        update={"lawful_opens": datetime.min.time(), "lawful_closes": datetime.max.time()}
    )
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        asked = duties.on_demand(session, session.get_one(Case, county.case), now, wide).id
    page = phone.get("/m/").text
    assert "Please check in on your phone page" in page
    with database.reading() as session:
        notice = session.scalars(select(Notice).where(Notice.duty_id == asked)).one()
        assert (notice.state, notice.channel) == (NoticeState.DELIVERED, "page")
        assert session.get_one(CheckInDuty, asked).state is not DutyState.AWAITING_DELIVERY


def test_points_show_every_entry_with_its_reason_and_what_was_taken_back(
    phone: FlaskClient, database: Database, county: County
) -> None:
    now = datetime.now(UTC)
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        draft = add_draft(session, county.case, "checkin_missed", "duty:1", now.date())
        entry = points.confirm(session, draft, officer, now, "missed without a reason")
        points.reverse(session, entry, officer, now, "the hospital confirmed the visit")
    page = phone.get("/m/points").text
    assert "missed without a reason" in page
    assert "was taken back: it does not count" in page
    assert "the hospital confirmed the visit" in page


def test_an_entry_is_objected_to_on_the_phone_and_its_page_says_who_answers_by_when(
    phone: FlaskClient, database: Database, county: County
) -> None:
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        draft = add_draft(session, county.case, "stand_in", "checkin:1", now.date())
        entry = points.confirm(session, draft, county.users[Role.OFFICER], now, "a stand-in")
    page = phone.post(
        f"/m/points/{entry.id}/object", data={"text": "it was me"}, follow_redirects=True
    ).text
    assert "Your objection is taken." in page
    assert "Until then it does not count." in page
    assert phone.post("/m/points/0/object", data={"text": "it was me"}).status_code == 404


def test_a_decision_is_shown_once_it_was_served_with_its_ground_and_law(
    phone: FlaskClient, database: Database, county: County
) -> None:
    now = datetime.now(UTC)
    file = File(
        kind=MeasureKind.ADMONITION,
        limb="minor_breach",
        facts=["document:PV-12"],
        found="did not report twice",
        happened_on=now.date(),
    )
    with database.transaction(SYSTEM, "test") as session:
        officer, head = (
            session.get_one(User, county.users[role]) for role in (Role.OFFICER, Role.COUNTY_HEAD)
        )
        made = measures.prepare(session, officer, county.case, file, now)
        measures.hear(session, officer, made.id, "says nothing", now)
        measures.decide(
            session, head, made.id, agreed=True, number="N-3", reason="it is so", now=now
        )
    assert "N-3" not in phone.get("/m/points").text
    with database.transaction(SYSTEM, "test") as session:
        user = session.get_one(User, county.users[Role.OFFICER])
        measures.serve(session, user, made.id, "handed over", now)
    page = phone.get("/m/points").text
    assert all(said in page for said in ("Admonition", "minor breach", "IM 34 (S)", "N-3"))


def test_another_way_is_asked_for_once_and_waits_for_an_officer(
    phone: FlaskClient, database: Database
) -> None:
    for _ in range(2):
        page = phone.post("/m/help", data={"kind": "video_call"}, follow_redirects=True).text
    assert "Your officer has been told" in page
    with database.reading() as session:
        asked = session.scalars(select(HelpRequest)).one()
        assert (asked.kind, asked.handled_at) == (HelpKind.VIDEO_CALL, None)


def test_without_consent_the_check_in_leads_to_the_other_ways(
    phone: FlaskClient, database: Database, enrolled: UUID
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        consents.withdraw(session, session.get_one(Person, enrolled), None, datetime.now(UTC))
    page = phone.get("/m/checkin", follow_redirects=True).text
    assert "The face check is off for you." in page
    assert "Check in by video call" in page


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


def test_where_i_stand_is_there_for_programs_too(phone: FlaskClient, bursts: Bursts) -> None:
    result = send(phone, bursts.group).json
    assert result is not None
    assert phone.get("/api/v1/me").json == {
        "supervised": True,
        "next": None,
        "last_receipt": result["receipt"],
    }


def test_the_api_describes_the_capture(app: Flask) -> None:
    spec = app.test_client().get("/api/v1/openapi.json").json
    assert spec is not None
    body = spec["paths"]["/api/v1/checkins/capture"]["post"]["requestBody"]["content"]
    assert list(body) == ["multipart/form-data"]


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
