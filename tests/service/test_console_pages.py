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
from models.device import Gateway
from models.face import StoredPhoto
from models.user import PERMISSIONS, Permission, Role
from tests.county import NOW, County, make_case, resident_id
from tests.desk import ADDRESS, PHONE, Desk, missed
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
    "/cases/{case}/bracelet": P.SEE_LOCATION,
    "/cases/{case}/bracelet/asked": P.SEE_LOCATION,
    "/cases/{case}/points": P.SEE_CASES,
    "/cases/{case}/file": P.SEE_CASES,
    "/incidents/{incident}": P.SEE_CASES,
    "/flags/{flag}": P.SEE_CASES,
    "/reviews/{checkin}": P.SEE_REVIEWS,
    "/reviews/photos/{photo}": P.SEE_PHOTOS,
    "/api/v1/cases/{case}/trail?" + SPAN: P.SEE_LOCATION,
    "/api/v1/cases/{case}/zones": P.SEE_LOCATION,
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
            elif path == "/" and role in {Role.ADMINISTRATOR, Role.PROCURATOR, Role.VOLUNTEER}:
                assert status == 302  # to a home of their own
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


def test_no_list_names_somebody_of_another_office(
    client_of: SignedInClient, database: Database, county: County, desk: Desk
) -> None:
    elsewhere(database, county, desk)
    officer = client_of(Role.OFFICER)
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


def test_a_longer_trail_says_how_close_it_keeps_to_what_it_leaves_out(
    client_of: SignedInClient, desk: Desk
) -> None:
    officer, until = client_of(Role.OFFICER), "until=2026-11-21T00:00:00Z"
    week = read(officer, f"/api/v1/cases/{desk.case}/trail?since=2026-11-14T00:00:00Z&{until}")
    day = read(officer, f"/api/v1/cases/{desk.case}/trail?since=2026-11-20T00:00:00Z&{until}")
    assert (week["tolerance_m"], day["tolerance_m"]) == (10, 0)
    assert week["gaps"] == day["gaps"] != []
    assert 0 < sum(map(len, week["segments"])) <= sum(map(len, day["segments"]))


def test_a_trail_of_more_than_a_month_is_refused(client_of: SignedInClient, desk: Desk) -> None:
    span = "since=2026-10-01T00:00:00Z&until=2026-11-20T00:00:00Z"
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
    assert "3 positions agree" in text
    assert f"/incidents/{desk.incident}/acknowledge" in text
    assert "1 check-in to review" in text
    assert "asks to be called back" in text


def test_who_only_looks_on_is_offered_no_act(client_of: SignedInClient, desk: Desk) -> None:
    for path in ("/", f"/incidents/{desk.incident}", f"/flags/{desk.flag}", "/points/"):
        text = client_of(Role.PROCURATOR).get(path).text
        posts = re.findall(r'method="post" action="([^"]+)"', text)
        assert set(posts) <= {"/people/found", "/language", "/sign-out"}, path


def test_an_end_is_asked_about_once_more(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer, path = client_of(Role.OFFICER), f"/cases/{desk.case}/state"
    assert 'value="released"' in officer.get(f"/cases/{desk.case}/file").text
    how = {"ended_as": "pardon", "number": "特赦令 1 号"}
    form = {"state": "released", "note": "期满", **how}
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
