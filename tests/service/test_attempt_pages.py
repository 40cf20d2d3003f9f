"""A check-in that goes up frame by frame, as a phone's requests make it."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from correction_service.access import Service
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.face.aim import Aimer
from correction_service.face.images import Pixels, decode
from correction_service.face.verifier import Verifier
from correction_service.people.phones import offer
from models.audit import AuditRecord
from models.checkin import Challenge, CheckIn, CheckInFrame
from models.person import Person
from tests.enrolled import Bursts
from tests.face.attacks import lids
from tests.faces import FacePhotos, frames, jpeg
from tests.service.phone_client import PIN, code, phone

__all__ = ["code", "phone"]

API = "/api/v1/checkins"
JSON = {"Accept": "application/json"}


def begun(client: FlaskClient) -> dict[str, object]:
    answer = client.post(f"{API}/challenge").json
    assert answer is not None
    return dict(answer)


def put(client: FlaskClient, receipt: object, place: int, data: bytes) -> TestResponse:
    form = {"frame": (io.BytesIO(data), "f.jpg"), "at_ms": str(300 * place)}
    return client.put(f"{API}/attempts/{receipt}/frames/{place}", data=form, headers=JSON)


def rows(database: Database, table: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_an_attempt_goes_up_frame_by_frame_to_a_receipt(
    phone: FlaskClient, database: Database, bursts: Bursts
) -> None:
    attempt = begun(phone)
    assert len(attempt["actions"]) == 3  # type: ignore[arg-type]
    path = f"{API}/attempts/{attempt['receipt']}"
    for place, frame in enumerate(bursts.person.frames[:3]):
        answer = put(phone, attempt["receipt"], place, frame.data).json
        assert answer == {"frames": list(range(place + 1))}
    under_way = phone.get(f"{API}/attempts").json
    assert under_way is not None
    assert under_way["attempt"]["frames"] == [0, 1, 2]
    assert under_way["attempt"]["actions"] == attempt["actions"]
    done = phone.post(f"{path}/finish", data={"mood": "well"}, headers=JSON).json
    assert done is not None
    assert (done["state"], done["result"]["receipt"]) == ("done", attempt["receipt"])
    again = phone.post(f"{path}/finish", data={}, headers=JSON).json
    assert again is not None
    assert again["result"] == done["result"]
    assert "Nothing is held against you" in phone.get(f"/m/receipt/{attempt['receipt']}").text
    assert rows(database, CheckInFrame) == 0


def test_the_receipt_of_an_attempt_is_good_before_anything_came_of_it(
    phone: FlaskClient, bursts: Bursts
) -> None:
    attempt = begun(phone)
    page = phone.get(f"/m/receipt/{attempt['receipt']}").text
    assert str(attempt["receipt"]) in page
    assert "not finished yet" in page
    phone.post(f"{API}/attempts/{attempt['receipt']}/cancel", headers=JSON)
    assert "You ended this attempt" in phone.get(f"/m/receipt/{attempt['receipt']}").text


def test_a_busy_service_keeps_the_capture_and_the_person_may_leave(
    app: Flask, phone: FlaskClient, bursts: Bursts
) -> None:
    attempt = begun(phone)
    put(phone, attempt["receipt"], 0, bursts.person.frames[0].data)
    service: Service = app.extensions["correction"]
    with Verifier(workers=1, queue_length=-1) as full:  # not one place
        app.extensions["correction"] = replace(service, verifier=full)
        path = f"{API}/attempts/{attempt['receipt']}"
        waits = phone.post(f"{path}/finish", data={}, headers=JSON).json
    assert waits is not None
    assert waits["state"] == "waiting"
    assert waits["retry_after_s"] > 0
    assert "You may leave" in phone.get(f"/m/receipt/{attempt['receipt']}").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff" * 60_001, "invalid"),
        (b"no picture", "image_not_an_image"),
        (jpeg(np.zeros((1001, 1000, 3), np.uint8)), "image_too_many_pixels"),
    ],
    ids=["60 kB and more", "text", "a megapixel and more"],
)
def test_a_frame_larger_than_the_page_sends_is_refused_before_its_attempt_is_looked_for(
    phone: FlaskClient, data: bytes, problem: str
) -> None:
    for receipt in (begun(phone)["receipt"], "NONE-SUCH"):
        refused = put(phone, receipt, 0, data)
        assert refused.json is not None
        told = (refused.status_code, refused.json["type"], refused.json["field"])
        assert told == (422, f"urn:correction:{problem}", "frame")


def test_a_wrong_place_leaves_the_attempt_to_be_finished_without_one(
    phone: FlaskClient, bursts: Bursts
) -> None:
    attempt = begun(phone)
    put(phone, attempt["receipt"], 0, bursts.person.frames[0].data)
    path = f"{API}/attempts/{attempt['receipt']}/finish"
    refused = phone.post(path, data={"lat": "91", "lon": "106"}, headers=JSON)
    assert refused.json is not None
    assert (refused.status_code, refused.json["field"]) == (422, "lat")
    assert phone.post(path, data={}, headers=JSON).status_code == 200


def test_a_phone_that_is_bound_again_is_known_by_its_mark_and_a_shared_one_is_not(
    app: Flask, phone: FlaskClient, database: Database, enrolled: UUID, bursts: Bursts
) -> None:
    def checked_in(client: FlaskClient) -> None:
        attempt = begun(client)
        put(client, attempt["receipt"], 0, bursts.person.frames[0].data)
        path = f"{API}/attempts/{attempt['receipt']}/finish"
        agent = {"User-Agent": "Mozilla/5.0 (Linux; Android 13) Chrome/116.0 Mobile Safari/537.36"}
        assert client.post(path, data={}, headers=JSON | agent).status_code == 200

    def activated(client: FlaskClient, **shared: str) -> FlaskClient:
        with database.transaction(SYSTEM, "test") as session:
            new = offer(session, session.get_one(Person, enrolled), datetime.now(UTC))
        client.post("/m/activate", data={"code": new, "pin": PIN, "again": PIN, **shared})
        return client

    checked_in(phone)
    checked_in(activated(phone))
    checked_in(activated(app.test_client(), shared="on"))
    with database.reading() as session:
        made = session.scalars(select(CheckIn).order_by(CheckIn.id)).all()
        first, again, shared = (each.phone_mark for each in made)
        assert first
        assert (again, shared) == (first, None)
        assert {each.browser for each in made} == {"Chrome 116"}


def test_an_attempt_is_its_own_persons_alone(app: Flask, phone: FlaskClient) -> None:
    attempt = begun(phone)
    stranger = app.test_client()
    assert stranger.get(f"{API}/attempts/{attempt['receipt']}").status_code == 401
    assert phone.get(f"{API}/attempts/AAAA-AAAA").status_code == 404


def small(photo: Pixels, shift: float = 0.0) -> bytes:
    """A picture as the page sends one while aiming; `shift` moves it aside, in its widths."""
    height, width = photo.shape[:2]
    view = np.array([[360 / width, 0, 360 * shift], [0, 480 / height, 0]])
    return jpeg(np.asarray(cv2.warpAffine(photo, view, (360, 480)), np.uint8), quality=60)


@pytest.fixture(scope="module")
def aimed(bursts: Bursts) -> Pixels:
    return decode(bursts.person.frames[0].data)


def aim(client: FlaskClient, data: bytes, **fields: str) -> TestResponse:
    form = {"frame": (io.BytesIO(data), "f.jpg"), **fields}
    return client.post(f"{API}/aim", data=form, headers=JSON)


def test_aiming_is_advised_and_leaves_no_trace(
    phone: FlaskClient, database: Database, aimed: Pixels
) -> None:
    before = rows(database, AuditRecord)
    good = aim(phone, small(aimed)).json
    dark = aim(phone, small(np.asarray(aimed * 0.08, np.uint8))).json
    empty = aim(phone, small(np.full_like(aimed, 128))).json
    aside = aim(phone, small(aimed, 0.42)).json
    assert good and dark and empty and aside  # noqa: PT018
    assert (good["advice"], good["words"]) == (None, None)
    assert 0.2 < good["box"][2] < 0.8
    assert dark["advice"] == "too_dark"
    assert (empty["advice"], empty["box"]) == ("no_face", None)
    assert empty["words"] == "No face is visible: face the camera."
    assert aside["advice"] == "face_cut_off"
    for table in (Challenge, CheckIn, CheckInFrame):
        assert rows(database, table) == 0
    assert rows(database, AuditRecord) == before


def test_coming_closer_is_seen_against_the_face_as_it_was(
    phone: FlaskClient, aimed: Pixels
) -> None:
    first = aim(phone, small(aimed)).json
    assert first is not None
    straight = {name: str(first["pose"][name]) for name in ("turn", "pitch", "size")}
    height, width = aimed.shape[:2]
    near = aimed[height // 8 : -height // 8, width // 8 : -width // 8]
    asked = {"action": "come_closer", **straight}
    for photo, seen in ((aimed, False), (near, True)):
        answer = aim(phone, small(photo), **asked).json
        assert answer is not None
        assert answer["seen"] is seen


def test_shut_eyes_are_seen_against_how_far_they_open(
    phone: FlaskClient, face_photos: FacePhotos
) -> None:
    opened = decode(next(frames(face_photos.person[2], 1)))
    first = aim(phone, small(opened)).json
    assert first is not None
    straight = {name: str(value) for name, value in first["pose"].items()}
    for photo, seen in ((opened, False), (lids.shut(opened), True)):
        answer = aim(phone, small(photo), action="close_eyes", **straight).json
        assert answer is not None
        assert answer["seen"] is seen


def test_where_nobody_is_to_advise_the_page_is_told_so(
    app: Flask, phone: FlaskClient, aimed: Pixels
) -> None:
    app.extensions["aimer"] = Aimer(0)
    answer = aim(phone, small(aimed))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_large_picture_is_not_looked_at(phone: FlaskClient, face_photos: FacePhotos) -> None:
    assert aim(phone, face_photos.person[0].read_bytes()).status_code == 413
    answer = aim(phone, bytes(30_001))
    assert answer.json is not None
    assert (answer.status_code, answer.json["field"]) == (422, "frame")
