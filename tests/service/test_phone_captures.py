"""A capture as a phone sends it: outcomes, faults and wrong fields."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import select

from correction_service.db import Database
from correction_service.face.liveness import unprompted
from correction_service.face.verifier import Verifier
from correction_service.presence.captures import Capture
from models.checkin import CheckIn, Outcome
from tests.enrolled import Bursts
from tests.service.phone_client import challenge, code, count, phone, send

__all__ = ["code", "phone"]


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
