"""The enrolment API: what is right goes in, what is wrong is a problem that names its field."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, stream_encode_multipart

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.case import Case
from models.face import FaceTemplate, StoredPhoto
from models.user import Role
from tests.county import VALID_ID, County
from tests.faces import FacePhotos, face_photos, jpeg
from tests.pages import SignedInClient

__all__ = ["face_photos"]

ENTRY = {
    "name": "张某",
    "id_number": VALID_ID,
    "phone": "13800000000",
    "category": "suspended_sentence",
    "deciding_authority": "汇川区人民法院",
    "effective_on": "2026-11-16",
    "term_start": "2026-11-16",
    "term_end": "2099-11-15",
}


@pytest.fixture
def officer(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.OFFICER)


def enrolled(officer: FlaskClient, county: County, **fields: object) -> TestResponse:
    entry = {**ENTRY, "office_id": county.office, **fields}
    return officer.post("/api/v1/cases", json=entry)


def upload(*photos: bytes, field: str = "photos") -> dict[str, Any]:
    """Encode in memory: the test client leaves large bodies in files that it does not close."""
    files = [FileStorage(io.BytesIO(photo), f"{i}.jpg") for i, photo in enumerate(photos)]
    body, _, boundary = stream_encode_multipart(MultiDict({field: files}), use_tempfile=False)
    return {"data": body.read(), "content_type": f"multipart/form-data; boundary={boundary}"}


def problem(answer: TestResponse) -> tuple[int, str, str | None]:
    assert answer.mimetype == "application/problem+json", answer.text
    body = answer.get_json()
    return answer.status_code, body["type"].removeprefix("urn:correction:"), body.get("field")


def test_a_person_is_enrolled_listed_and_found_without_any_sealed_field(
    officer: FlaskClient, county: County
) -> None:
    made = enrolled(officer, county)
    assert made.status_code == 201
    number = made.get_json()["number"]
    assert officer.get(f"/api/v1/cases/{made.get_json()['id']}").get_json()["number"] == number
    listed = officer.get("/api/v1/cases?per_page=1&page=2").get_json()
    assert ([case["number"] for case in listed["cases"]], listed["more"]) == ([number], False)
    found = officer.post("/api/v1/cases/search", json={"query": VALID_ID})
    assert [case["number"] for case in found.get_json()["cases"]] == [number]
    for answer in (made, found):
        assert VALID_ID not in answer.text
        assert "13800000000" not in answer.text


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"id_number": "110105194912310021"}, (422, "invalid", "id_number")),
        ({"phone": "12345"}, (422, "invalid", "phone")),
        ({"term_end": "2026-11-15"}, (422, "invalid", "term_end")),
        ({"term_end": "tomorrow"}, (422, "invalid", "term_end")),
        ({"category": "other"}, (422, "invalid", "category")),
        ({"office_id": 999999}, (422, "invalid", "office")),
        ({"nickname": "x"}, (422, "invalid", "nickname")),
        ({"id_number": "00000019900101001X"}, (422, "invalid", "id_number")),
    ],
)
def test_what_is_wrong_is_a_problem_that_names_its_field(
    officer: FlaskClient, county: County, fields: dict[str, object],
    expected: tuple[int, str, str],
) -> None:  # fmt: skip
    answer = enrolled(officer, county, **fields)
    assert problem(answer) == expected
    assert all(str(value) not in answer.text for value in fields.values())


def test_a_second_case_is_refused_by_the_number_of_the_first(
    officer: FlaskClient, county: County
) -> None:
    number = enrolled(officer, county).get_json()["number"]
    again = enrolled(officer, county)
    assert problem(again) == (409, "already_enrolled", "id_number")
    assert number in again.get_json()["title"]


def test_a_running_case_at_another_office_is_not_named(
    officer: FlaskClient, county: County, database: Database
) -> None:
    made = enrolled(officer, county).get_json()
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, made["id"]).office_id = county.other_office
    again = enrolled(officer, county)
    assert problem(again) == (409, "already_enrolled", "id_number")
    assert made["number"] not in again.text


def test_another_office_finds_no_such_case(
    client_of: SignedInClient, county: County, database: Database
) -> None:
    head, officer = client_of(Role.COUNTY_HEAD), client_of(Role.OFFICER)
    theirs = enrolled(head, county, office_id=county.other_office).get_json()["id"]
    assert officer.get("/api/v1/cases").get_json()["cases"][-1]["id"] == county.case
    for method, path, body in [
        ("GET", "", None),
        ("POST", "/report-in", {"reported_on": "2026-11-17"}),
        ("POST", "/consent", {"given": True}),
        ("GET", "/consent", None),
        ("POST", "/team", {"name": "王某", "sex": "male", "part": "officer"}),
        ("POST", "/activation-code", None),
    ]:
        answer = officer.open(f"/api/v1/cases/{theirs}{path}", method=method, json=body)
        assert problem(answer)[0] == 404, path
    assert officer.post(f"/api/v1/cases/{theirs}/face", **upload(b"x")).status_code == 404


def test_reporting_in_waits_for_a_team_with_a_woman(officer: FlaskClient, county: County) -> None:
    case = f"/api/v1/cases/{enrolled(officer, county).get_json()['id']}"
    day = {"reported_on": "2026-11-17"}
    assert problem(officer.post(f"{case}/report-in", json=day)) == (409, "refused", "team")
    member = {"name": "王某", "sex": "male", "part": "officer"}
    assert officer.post(f"{case}/team", json=member).status_code == 201
    assert problem(officer.post(f"{case}/report-in", json=day)) == (409, "refused", "team")
    officer.post(f"{case}/team", json={**member, "sex": "female", "part": "volunteer"})
    early = officer.post(f"{case}/report-in", json={"reported_on": "2026-11-15"})
    assert problem(early) == (422, "invalid", "reported_on")
    assert officer.post(f"{case}/report-in", json=day).get_json()["state"] == "under_correction"


def test_a_face_is_enrolled_after_consent_and_goes_with_it(
    officer: FlaskClient, county: County, database: Database, app: Flask, face_photos: FacePhotos
) -> None:
    case = f"/api/v1/cases/{county.case}"
    photos = [path.read_bytes() for path in face_photos.person]
    assert problem(officer.post(f"{case}/face", **upload(*photos))) == (
        409,
        "no_consent",
        "consent",
    )
    assert officer.post(f"{case}/consent", json={"given": True}).get_json()["given"]
    made = officer.post(f"{case}/face", **upload(*photos))
    assert made.status_code == 201
    assert [photo["accepted"] for photo in made.get_json()["photos"]] == [True] * 3
    with database.reading() as session:
        digests = session.scalars(select(StoredPhoto.digest)).all()
        assert session.scalars(select(FaceTemplate)).one().sealed is not None
    folder = app.extensions["correction"].settings.data_dir / "photos"
    files = [next(folder.rglob(digest)) for digest in digests]
    assert len(files) == len(photos)
    assert not any(file.read_bytes().startswith(b"\xff\xd8") for file in files)
    assert officer.post(f"{case}/consent", json={"given": False}).get_json()["given"] is False
    with database.reading() as session:
        assert session.scalars(select(FaceTemplate)).one().sealed is None
        assert all(photo.deleted_at for photo in session.scalars(select(StoredPhoto)))
    assert not any(file.exists() for file in files)


def test_every_photo_that_cannot_be_used_says_why(
    officer: FlaskClient, county: County, face_photos: FacePhotos
) -> None:
    case = f"/api/v1/cases/{county.case}"
    officer.post(f"{case}/consent", json={"given": True})
    good = face_photos.person[0].read_bytes()
    large = cv2.imencode(".jpg", np.full((6400, 6400), 127, np.uint8))[1].tobytes()
    blank = jpeg(np.full((480, 640, 3), 127, np.uint8))
    files = [good, good[:5000], b"GIF89a....", large, blank, face_photos.group.read_bytes()]
    answer = officer.post(f"{case}/face", **upload(*files))
    assert problem(answer) == (409, "refused", "photos")
    codes = [[r["code"] for r in photo["reasons"]] for photo in answer.get_json()["photos"]]
    assert codes[0] == []
    assert codes[1:] == [
        ["truncated"],
        ["unsupported_format"],
        ["too_many_pixels"],
        ["no_face"],
        ["many_faces"],
    ]
    stranger = [good, face_photos.person[1].read_bytes(), face_photos.stranger.read_bytes()]
    assert problem(officer.post(f"{case}/face", **upload(*stranger)))[2] == "photos"


def test_one_photo_is_assessed_in_the_language_of_the_caller(
    officer: FlaskClient, county: County
) -> None:
    case = f"/api/v1/cases/{county.case}"
    officer.post(f"{case}/consent", json={"given": True})
    blank = cv2.imencode(".png", np.full((480, 640, 3), 127, np.uint8))[1].tobytes()
    for language, words in (("en", "No face is visible"), ("zh", "没有看到人脸")):
        asked = f"{case}/face/assess?lang={language}"
        answer = officer.post(asked, **upload(blank, field="photo"))
        assert not answer.get_json()["accepted"]
        assert words in answer.get_json()["reasons"][0]["words"]


def test_a_file_over_the_limit_is_refused_unread(
    officer: FlaskClient, county: County, app: Flask
) -> None:
    case = f"/api/v1/cases/{county.case}"
    officer.post(f"{case}/consent", json={"given": True})
    limit = app.extensions["correction"].settings.max_photo_bytes
    answer = officer.post(f"{case}/face/assess", **upload(b"x" * (limit + 1), field="photo"))
    assert problem(answer) == (422, "invalid", "photos")


def test_a_case_is_released_with_a_reason_and_its_person_is_let_be(
    officer: FlaskClient, county: County
) -> None:
    case = f"/api/v1/cases/{county.case}"
    for asked in ({"state": "released", "note": ""}, {"state": "awaiting_report", "note": "x"}):
        assert officer.post(f"{case}/state", json=asked).status_code in {409, 422}
    early = {"state": "released", "note": "特赦"}
    assert problem(officer.post(f"{case}/state", json=early)) == (409, "refused", "ended_as")
    said = {**early, "ended_as": "pardon", "number": "特赦令 1 号"}
    done = officer.post(f"{case}/state", json=said).get_json()
    assert (done["state"], done["ended_as"]) == ("released", "pardon")
    for path, body in (("activation-code", None), ("consent", {"given": True})):
        assert problem(officer.post(f"{case}/{path}", json=body))[:2] == (409, "case_ended")


def test_an_activation_code_is_given_once_and_replaces_the_last(
    officer: FlaskClient, county: County
) -> None:
    path = f"/api/v1/cases/{county.case}/activation-code"
    first, second = (officer.post(path).get_json()["code"] for _ in range(2))
    assert len(first) == 9
    assert first != second


def test_only_the_head_orders_and_an_order_is_lifted_at_once(
    client_of: SignedInClient, county: County
) -> None:
    path = f"/api/v1/cases/{county.case}/orders"
    day = str(np.datetime64("today") + 1)
    asked = {"ground": "left_without_approval", "evidence": "笔录", "starts_on": day,
             "ends_on": day, "facts": [{"kind": "document", "document": "笔录 3"}]}  # fmt: skip
    assert client_of(Role.OFFICER).post(path, json=asked).status_code == 403
    head = client_of(Role.COUNTY_HEAD)
    assert problem(head.post(path, json={**asked, "ground": "low_score"}))[2] == "ground"
    assert problem(head.post(path, json={**asked, "evidence": " "}))[2] == "evidence"
    for kind in ("score", "level", "points"):
        scored = {**asked, "facts": [{"kind": kind, "id": 3}]}
        assert problem(head.post(path, json=scored)) == (409, "no_ground", "facts")
    made = head.post(path, json=asked)
    assert made.status_code == 201
    lift = f"/api/v1/orders/{made.get_json()['id']}/lift"
    assert client_of(Role.OFFICER).post(lift).get_json()["lifted_at"]
    assert problem(head.post(lift)) == (409, "already_ended", None)


def test_the_document_describes_every_route_of_enrolment(officer: FlaskClient) -> None:
    paths = officer.get("/api/v1/openapi.json").get_json()["paths"]
    assert {"/api/v1/cases", "/api/v1/cases/{case_id}/face", "/api/v1/orders/{order_id}/lift"} <= (
        set(paths)
    )
