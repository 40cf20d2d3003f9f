"""The phone of an enrolled person, and what it sends."""

import io
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people.phones import offer
from correction_service.presence.captures import Capture
from models.person import Person

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
