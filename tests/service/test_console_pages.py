"""The console's pages: for the right roles, in the right scope, and nothing secret unasked."""

import gzip
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from correction_service import sealer
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.web.console import words
from models.agency import Office
from models.audit import AuditRecord
from models.case import Case
from models.checkin import CheckIn, CheckInReview, Outcome, Way
from models.device import Gateway
from models.face import StoredPhoto
from models.incident import Incident, IncidentState
from models.notice import Notice, NoticeState
from models.points import DraftState, PointsDraft, PointsEntry
from models.risk import FlagState, RiskFlag
from models.user import PERMISSIONS, Permission, Role, User
from tests.county import NOW, County, make_case, resident_id
from tests.desk import ADDRESS, PHONE, Desk, missed, unclear
from tests.pages import SignedInClient
from tests.tracked import HUICHUAN, heard, minutes, take, track

P = Permission
SPAN = f"since={(NOW - timedelta(hours=6)).isoformat()[:-6]}Z&until={NOW.isoformat()[:-6]}Z"
LISTS = {
    "/": P.SEE_CASES,
    "/needs": P.SEE_CASES,
    "/people/": P.SEE_CASES,
    "/incidents/": P.SEE_CASES,
    "/incidents/export.csv": P.SEE_CASES,
    "/flags/": P.SEE_CASES,
    "/points/": P.SEE_CASES,
    "/calls/": P.SUPERVISE,
    "/devices/": P.SEE_LOCATION,
    "/users/": P.ADMINISTER,
    "/audit/": P.SEE_AUDIT,
    "/api/v1/outline": P.SEE_CASES,
    "/api/v1/positions": P.SEE_LOCATION,
}
OF_A_CASE = {
    "/cases/{case}": P.SEE_CASES,
    "/cases/{case}/where": P.SEE_LOCATION,
    "/cases/{case}/checkins": P.SEE_CASES,
    "/cases/{case}/points": P.SEE_CASES,
    "/cases/{case}/file": P.SEE_CASES,
    "/incidents/{incident}": P.SEE_CASES,
    "/flags/{flag}": P.SEE_CASES,
    "/reviews/{checkin}": P.SEE_PHOTOS,
    "/reviews/photos/{photo}": P.SEE_PHOTOS,
    "/api/v1/cases/{case}/trail?" + SPAN: P.SEE_LOCATION,
    "/api/v1/cases/{case}/zones": P.SEE_LOCATION,
}
POSTS = {
    "/cases/{case}/reveal/phone": P.SUPERVISE,
    "/cases/{case}/face": P.SEE_PHOTOS,
    "/cases/{case}/attest": P.SUPERVISE,
    "/cases/{case}/ask": P.SUPERVISE,
    "/cases/{case}/state": P.SUPERVISE,
    "/cases/{case}/help/{help}": P.SUPERVISE,
    "/incidents/{incident}/acknowledge": P.SUPERVISE,
    "/incidents/{incident}/act": P.SUPERVISE,
    "/incidents/{incident}/close": P.SUPERVISE,
    "/flags/{flag}/handle": P.SUPERVISE,
    "/points/drafts/{draft}/confirm": P.CONFIRM_POINTS,
    "/points/drafts/{draft}/refuse": P.CONFIRM_POINTS,
    "/calls/{notice}": P.SUPERVISE,
    "/reviews/{checkin}": P.SUPERVISE,
}
SEES_CASES = [Role.OFFICER, Role.OFFICE_HEAD, Role.COUNTY_HEAD, Role.UPPER_AGENCY, Role.PROCURATOR]
MOST_BYTES = 300_000
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None}
LINKED = re.compile(r'(?:src|href)="(/static/[^"]+)"')


def views(database: Database, action: str) -> int:
    with database.reading() as session:
        query = select(func.count()).where(AuditRecord.action == action)
        return session.scalar(query) or 0


def read(client: FlaskClient, path: str) -> Any:  # noqa: ANN401 - what JSON holds
    return client.get(path).get_json()


def elsewhere(database: Database, county: County, desk: Desk) -> None:
    """Move the case of the desk to the other office."""
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, desk.case).office_id = county.other_office


def test_every_list_opens_for_those_who_may_and_for_nobody_else(
    client_of: SignedInClient, desk: Desk
) -> None:
    for role in Role:
        client = client_of(role)
        for path, permission in LISTS.items():
            status = client.get(path).status_code
            if path == "/devices/" and role is Role.ADMINISTRATOR:
                assert status == 200
            elif path == "/" and role is Role.ADMINISTRATOR:
                assert status == 302
            else:
                expected = 200 if permission in PERMISSIONS[role] else 403
                assert status == expected, (role, path)


def test_every_page_of_a_case_opens_for_those_who_may(
    client_of: SignedInClient, desk: Desk
) -> None:
    for role in SEES_CASES:
        client = client_of(role)
        for path, permission in OF_A_CASE.items():
            answer = client.get(path.format(**vars(desk)))
            expected = 200 if permission in PERMISSIONS[role] else 403
            assert answer.status_code == expected, (role, path, answer.text[:300])


def test_a_case_of_another_office_does_not_exist(
    client_of: SignedInClient, database: Database, county: County, desk: Desk
) -> None:
    elsewhere(database, county, desk)
    officer = client_of(Role.OFFICER)
    for path in OF_A_CASE:
        assert officer.get(path.format(**vars(desk))).status_code == 404, path
    for path in POSTS:
        assert officer.post(path.format(**vars(desk))).status_code == 404, path
    name = "测试1"
    assert all(name not in officer.get(path).text for path in LISTS if path != "/users/")


def test_no_page_shows_what_is_secret_until_it_is_asked_for(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    pages = [path for path in (*LISTS, *OF_A_CASE) if "photos" not in path]
    for path in pages:
        text = officer.get(path.format(**vars(desk))).get_data(as_text=True)
        assert not any(secret in text for secret in (PHONE, ADDRESS, resident_id(1))), path
    for column, value in {"phone": PHONE, "address": ADDRESS, "id_number": resident_id(1)}.items():
        assert value in officer.post(f"/cases/{desk.case}/reveal/{column}").text
        assert views(database, f"view_{column}") == 1


def test_looking_at_a_trail_or_a_photo_is_logged_and_not_kept(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    trail = read(officer, f"/api/v1/cases/{desk.case}/trail?{SPAN}")
    assert len(trail["segments"]) == 2
    assert len(trail["gaps"]) == 1
    assert trail["datum"] == "wgs84"
    assert views(database, "view_trail") == 1
    photo = officer.get(f"/reviews/photos/{desk.photo}")
    assert (photo.mimetype, photo.headers["Cache-Control"]) == ("image/jpeg", "no-store")
    assert photo.data.startswith(b"\xff\xd8")
    assert views(database, "view_photo") == 1


def test_everyone_on_the_open_map_is_logged_once_an_hour(
    client_of: SignedInClient, database: Database, county: County, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    for _ in range(3):
        (found,) = read(officer, "/api/v1/positions")["positions"]
    assert (found["case_id"], found["severity"]) == (desk.case, "urgent")
    with database.transaction(SYSTEM, "test") as session:
        second = make_case(session, session.get_one(Office, county.office), 2)
        track(session, second, county, "B0002", session.scalars(select(Gateway)).one())
        second_id = second.id
    take(database, heard(minutes(NOW - timedelta(minutes=5), [HUICHUAN]), device="B0002"))
    for _ in range(2):
        assert len(read(officer, "/api/v1/positions")["positions"]) == 2
    with database.reading() as session:
        looks = select(AuditRecord.subject_kind, AuditRecord.subject_id).order_by(AuditRecord.id)
        found = session.execute(looks.where(AuditRecord.action == "view_map")).all()
    assert found == [("supervised_case", str(case)) for case in (desk.case, second_id)]


def test_the_home_map_shows_the_whole_city_that_people_are_at_home_in(
    client_of: SignedInClient, database: Database, county: County, desk: Desk
) -> None:
    def drawn() -> set[tuple[str, str]]:
        features = read(client_of(Role.OFFICER), "/api/v1/outline")["features"]
        return {(it["properties"]["kind"], it["properties"]["name"]) for it in features}

    county_itself = ("county", "汇川区社区矫正中心")
    assert drawn() == {county_itself, ("division", "红花岗区"), ("division", "播州区")}
    elsewhere(database, county, desk)
    assert drawn() == {county_itself}


def test_a_trail_of_more_than_a_week_is_refused(client_of: SignedInClient, desk: Desk) -> None:
    span = "since=2026-11-01T00:00:00Z&until=2026-11-20T00:00:00Z"
    answer = client_of(Role.OFFICER).get(f"/api/v1/cases/{desk.case}/trail?{span}")
    assert (answer.status_code, answer.get_json()["field"]) == (422, "until")


def test_with_tiles_of_gcj02_the_map_is_shifted_and_says_so(
    app: Flask, client_of: SignedInClient, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    (plain,) = read(officer, "/api/v1/positions")["positions"]
    settings = app.extensions["correction"].settings
    settings.tile_url, settings.tile_datum = "https://tiles.example/{z}/{x}/{y}", "gcj02"
    answer = read(officer, "/api/v1/positions")
    (shifted,) = answer["positions"]
    assert answer["datum"] == "gcj02"
    assert 0.002 < shifted["lon"] - plain["lon"] < 0.008
    assert read(officer, "/api/v1/outline")["datum"] == "gcj02"


def test_no_page_is_heavier_than_an_office_computer_can_bear(
    app: Flask, client_of: SignedInClient, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    for path in ("/", f"/incidents/{desk.incident}", f"/cases/{desk.case}/where"):
        page = officer.get(path)
        files = set(LINKED.findall(page.text))
        assert len(files) >= 5
        weight = len(gzip.compress(page.get_data()))
        for file in files:
            with officer.get(file) as answer:
                weight += len(gzip.compress(answer.get_data()))
        assert weight < MOST_BYTES, path


def test_the_home_page_names_the_person_the_reason_and_the_next_act(
    client_of: SignedInClient, desk: Desk
) -> None:
    text = client_of(Role.OFFICER).get("/").text
    assert "测试1" in text
    assert "Outside the home area" in text
    assert "5 of 7 positions agree" in text
    assert f"/incidents/{desk.incident}/acknowledge" in text
    assert "1 check-in to review" in text
    assert "asks to be called back" in text


def test_who_only_looks_on_is_offered_no_act(client_of: SignedInClient, desk: Desk) -> None:
    for path in ("/", f"/incidents/{desk.incident}", f"/flags/{desk.flag}", "/points/"):
        text = client_of(Role.PROCURATOR).get(path).text
        posts = re.findall(r'method="post" action="([^"]+)"', text)
        assert set(posts) <= {"/people/found", "/language", "/sign-out"}, path


def test_an_incident_is_acknowledged_acted_on_closed_and_reopened(
    client_of: SignedInClient, database: Database, county: County, desk: Desk
) -> None:
    officer, path = client_of(Role.OFFICER), f"/incidents/{desk.incident}"
    officer.post(f"{path}/acknowledge")
    officer.post(f"{path}/act", data={"note": "已电话联系"})
    without = officer.post(f"{path}/close", data={"cause": ""}, follow_redirects=True)
    assert "An incident is closed with a cause." in without.text
    officer.post(f"{path}/close", data={"cause": "position_drift", "note": "核实为漂移"})
    text = officer.get(path).text
    assert all(word in text for word in ("已电话联系", "核实为漂移", "position drift"))
    officer.post(f"{path}/reopen", data={"note": "再查"})
    with database.reading() as session:
        incident = session.get_one(Incident, desk.incident)
        assert incident.state is IncidentState.OPEN
        assert {step.by for step in incident.steps} == {county.users[Role.OFFICER]}
        assert len(incident.steps) == 4


def test_an_act_leads_back_to_a_page_of_ours_only(client_of: SignedInClient, desk: Desk) -> None:
    officer, path = client_of(Role.OFFICER), f"/incidents/{desk.incident}/acknowledge"
    assert officer.post(path, data={"next": "/"}).location == "/"
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        assert officer.post(path, data={"next": target}).location == f"/incidents/{desk.incident}"


def test_the_export_holds_what_the_filters_chose_and_runs_no_formula(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, desk.case).person.name = "=1+1"
    officer = client_of(Role.OFFICER)
    table = officer.get("/incidents/export.csv").get_data(as_text=True)
    assert table.startswith("\ufeffnumber,case,name")
    assert ",'=1+1," in table
    closed = officer.get("/incidents/export.csv?state=closed").get_data(as_text=True)
    assert len(closed.splitlines()) == 1
    assert views(database, "export_incidents") == 2


def test_a_review_is_written_down_and_the_next_one_loads(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        photo = session.scalars(select(StoredPhoto).where(StoredPhoto.purpose == "checkin")).one()
        second = unclear(session.get_one(Case, desk.case), photo, "R0000002")
        session.add(second)
        session.flush()
        second_id = second.id
    officer = client_of(Role.OFFICER)
    assert officer.get("/reviews/").location == f"/reviews/{desk.checkin}"
    page = officer.get(f"/reviews/{desk.checkin}").text
    assert "liveness not judged: nobody has checked" in page
    assert "The faces agree in part" in page
    noteless = officer.post(f"/reviews/{desk.checkin}", data={"decision": "concern"})
    assert noteless.location == f"/reviews/{desk.checkin}"
    officer.post(f"/reviews/{desk.checkin}", data={"decision": "match"})
    assert officer.get("/reviews/").location == f"/reviews/{second_id}"
    officer.post(f"/reviews/{second_id}", data={"decision": "no_match", "note": "非本人"})
    assert "Nothing waits for a review." in officer.get("/reviews/").text
    with database.reading() as session:
        assert session.scalar(select(func.count(CheckInReview.id))) == 2


def test_a_flag_is_put_away_with_a_note_only(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    page = officer.get(f"/flags/{desk.flag}").text
    assert "LCC 30" in page
    assert "Ill or in hospital." in page
    officer.post(f"/flags/{desk.flag}/handle", data={"note": " "})
    assert str(desk.flag) in officer.get("/flags/").text
    officer.post(f"/flags/{desk.flag}/handle", data={"note": "已联系，手机损坏"})
    with database.reading() as session:
        assert session.get_one(RiskFlag, desk.flag).state is FlagState.HANDLED


def test_a_draft_is_confirmed_with_a_reason_and_the_entry_taken_back(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    officer.post(f"/points/drafts/{desk.draft}/confirm", data={"note": "无正当理由"})
    with database.reading() as session:
        entry = session.scalars(select(PointsEntry)).one().id
    assert "无正当理由" in officer.get(f"/cases/{desk.case}/points?month=2026-11").text
    officer.post(f"/points/entries/{entry}/reverse", data={"note": "系统故障"})
    with database.reading() as session:
        assert sum(session.scalars(select(PointsEntry.points))) == 0


def test_a_draft_is_refused_for_a_protected_reason(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    form = {"note": "住院", "excuse": "illness"}
    client_of(Role.OFFICER).post(f"/points/drafts/{desk.draft}/refuse", data=form)
    with database.reading() as session:
        draft = session.get_one(PointsDraft, desk.draft)
        assert (draft.state, draft.excuse) == (DraftState.REFUSED, "illness")


def test_a_call_that_reached_the_person_proves_delivery(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    officer.post(f"/calls/{desk.notice}", data={"reached": "no"})
    assert "1 try" in officer.get("/calls/").text
    officer.post(f"/calls/{desk.notice}", data={"reached": "yes"})
    with database.reading() as session:
        assert session.get_one(Notice, desk.notice).state is NoticeState.DELIVERED


def test_an_officer_records_a_check_in_of_equal_rank(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    refused = officer.post(
        f"/cases/{desk.case}/attest", data={"way": "phone"}, follow_redirects=True
    )
    assert "Choose a call, a visit, the counter or a video call." in refused.text
    officer.post(f"/cases/{desk.case}/attest", data={"way": "officer_visit", "note": "家中"})
    with database.reading() as session:
        found = session.scalars(select(CheckIn).where(CheckIn.way == Way.OFFICER_VISIT)).one()
        assert found.outcome is Outcome.ATTESTED


def test_a_request_for_help_is_closed_with_what_was_done(
    client_of: SignedInClient, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    officer.post(f"/cases/{desk.case}/help/{desk.help}", data={"note": "已回电"})
    assert f'id="help-{desk.help}"' not in officer.get(f"/cases/{desk.case}").text


def test_an_end_is_asked_about_once_more(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer, path = client_of(Role.OFFICER), f"/cases/{desk.case}/state"
    assert 'value="released"' in officer.get(f"/cases/{desk.case}/file").text
    form = {"state": "released", "note": "期满"}
    for given in ({"state": "no such"}, form, {**form, "sure": "on"}):
        officer.post(path, data=given)
        with database.reading() as session:
            case = session.get_one(Case, desk.case)
            assert (case.state_note == "期满") is ("sure" in given)
            theirs = select(StoredPhoto).where(StoredPhoto.purpose == "enrolment")
            assert (session.scalars(theirs).one().deleted_at is not None) is ("sure" in given)
    ended = officer.get(f"/cases/{desk.case}/file").text
    assert "期满" in ended
    assert 'name="sure"' not in ended


def test_a_search_finds_by_name_or_whole_number_and_leaves_no_url(
    client_of: SignedInClient, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    for asked in ("测试", resident_id(1), PHONE):
        assert "测试1" in officer.post("/people/quick", data={"q": asked}).text
        assert "测试1" in officer.post("/people/found", data={"q": asked}).text
    assert officer.get("/people/found").status_code == 405
    assert "Nobody found" in officer.post("/people/quick", data={"q": "没有此人"}).text


def test_the_timeline_goes_on_page_by_page_and_loses_nothing(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        for number in range(130):
            flag = missed(case, number)
            flag.raised_at = NOW - timedelta(hours=number // 2)
            session.add(flag)
    seen, path = set(), f"/cases/{county.case}"
    officer: FlaskClient = client_of(Role.OFFICER)
    while path:
        text = officer.get(path).text
        seen |= set(re.findall(r"/flags/(\d+)", text))
        older = re.search(r'rel="next" href="([^"]+)"', text)
        path = older.group(1).replace("&amp;", "&") if older else ""
    assert len(seen) == 130


def test_people_are_filtered_by_what_the_url_says(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        make_case(session, session.get_one(Office, county.other_office), 2)
    head = client_of(Role.COUNTY_HEAD)
    everybody = head.get("/people/").text
    assert "测试1" in everybody
    assert "测试2" in everybody
    there = head.get(f"/people/?office={county.other_office}&category=suspended_sentence").text
    assert "测试1" not in there
    assert "测试2" in there
    assert "Nobody fits" in head.get("/people/?level=strict&state=nonsense").text


def test_an_administrator_adds_resets_closes_and_opens_accounts(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    admin = client_of(Role.ADMINISTRATOR)
    form = {"username": "li", "name": "李某", "role": "officer", "office": str(county.office)}
    first = re.search(r'<code class="secret">([^<]+)', admin.post("/users/", data=form).text)
    taken = admin.post("/users/", data=form)
    assert (taken.status_code, "This user name is taken." in taken.text) == (422, True)
    with database.reading() as session:
        made = session.scalars(select(User).where(User.username == "li")).one()
        user, epoch, must_change = made.id, made.session_epoch, made.must_change_password
        assert made.office_id == county.office
    again = re.search(r'<code class="secret">([^<]+)', admin.post(f"/users/{user}/reset").text)
    assert first
    assert again
    assert first.group(1) != again.group(1)
    admin.post(f"/users/{user}/close")
    own = admin.post(f"/users/{county.users[Role.ADMINISTRATOR]}/close", follow_redirects=True)
    assert "You cannot close your own account." in own.text
    with database.reading() as session:
        closed = session.get_one(User, user)
        assert (must_change, closed.active, closed.session_epoch) == (True, False, epoch + 2)
    admin.post(f"/users/{user}/reopen")
    with database.reading() as session:
        assert session.get_one(User, user).active


def test_the_log_is_searched_and_verified(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    client_of(Role.OFFICER).get(f"/api/v1/cases/{desk.case}/trail?{SPAN}")
    head = client_of(Role.COUNTY_HEAD)
    found = head.get(f"/audit/?subject_kind=supervised_case&subject_id={desk.case}").text
    assert "view_trail" in found
    assert "No record fits." in head.get("/audit/?action=nothing_such").text
    with database.transaction(SYSTEM, "test") as session:
        sealer.seal(session, NOW)
    assert "sealed records are as they were sealed" in head.post("/audit/verify").text


def test_the_api_is_documented_on_a_page_of_ours(app: Flask) -> None:
    text = app.test_client().get("/api/v1/docs?lang=en").text
    assert "/api/v1/cases/{case_id}/trail" in text
    assert "accuracy_m" in text
    assert set(re.findall(r'(?:src|href)="(https?:[^"]+)"', text)) == set()


def test_every_page_speaks_chinese(client_of: SignedInClient, desk: Desk) -> None:
    head = client_of(Role.COUNTY_HEAD)
    pages = [*LISTS, *(path for path in OF_A_CASE if "photos" not in path)]
    for path in (page.format(**vars(desk)) for page in pages if "api" not in page):
        if path not in {"/users/", "/incidents/export.csv"}:
            text = head.get(f"{path}?lang=zh").text
            assert re.search("[\u4e00-\u9fff]", re.sub("测试1|汇川区", "", text)), path
            assert "unknown<" not in text, path


@pytest.mark.parametrize("kind", list(words.WORDS), ids=lambda kind: kind.__name__)
def test_every_code_has_words(kind: type[StrEnum]) -> None:
    assert set(words.WORDS[kind]) == set(kind)


def test_every_word_of_the_console_is_translated(app: Flask) -> None:
    root = Path(app.root_path) / "web"
    with (root / "console/translations/zh/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file, locale="zh")
    assert [message.id for message in catalogue if message.id and not message.string] == []
    assert [message.id for message in catalogue for _ in message.check()] == []
    asked = {
        message if isinstance(message, str) else message[0]
        for folder in ("console", "templates/console")
        for _, _, message, _, _ in extract_from_dir(
            root / folder, [("**.py", "python"), ("**.html", "jinja2")], keywords=KEYWORDS
        )
    }
    assert len(asked) > 400
    assert [words for words in sorted(asked) if words not in catalogue] == []
