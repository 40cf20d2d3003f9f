"""A carrier's report proves a delivery, and nobody else can make one."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import select
from werkzeug.test import TestResponse

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.presence import duties
from correction_service.settings import Settings
from models.audit import AuditRecord
from models.case import Case
from models.checkin import CheckInDuty, DutyState
from models.notice import Notice, NoticeState
from tests.county import NOW, County

TOKEN = "a-token-of-the-carriers"
PATH = "/api/v1/deliveries"


@pytest.fixture
def carrier(settings: Settings, app: Flask) -> FlaskClient:
    """A carrier's program: no session, no form, and a token that the service knows."""
    settings.delivery_token = SecretStr(TOKEN)
    app.config["WTF_CSRF_ENABLED"] = True
    return app.test_client()


@pytest.fixture
def reference(database: Database, county: County, settings: Settings) -> str:
    """What came with a message that asks for a check-in."""
    with database.transaction(SYSTEM, "test") as session:
        duties.on_demand(session, session.get_one(Case, county.case), NOW, settings)
        return str(session.scalars(select(Notice.reference)).one())


def report(
    carrier: FlaskClient,
    reference: object,
    state: object = "delivered",
    authorization: str = f"Bearer {TOKEN}",
) -> TestResponse:
    body = {"reference": reference, "state": state}
    headers = {"Authorization": authorization, "Accept-Language": "en"}
    return carrier.post(PATH, json=body, headers=headers)


def problem(answer: TestResponse) -> tuple[int, str, str | None]:
    assert answer.mimetype == "application/problem+json", answer.text
    body = answer.get_json()
    return answer.status_code, body["type"].removeprefix("urn:correction:"), body.get("field")


def state(database: Database) -> NoticeState:
    with database.reading() as session:
        return session.scalars(select(Notice.state)).one()


def test_a_report_starts_the_clock_and_a_second_changes_nothing(
    carrier: FlaskClient, database: Database, reference: str
) -> None:
    first = report(carrier, reference)
    assert (first.status_code, first.get_json()["state"]) == (200, "delivered")
    assert report(carrier, reference).get_json() == first.get_json()
    with database.reading() as session:
        notice = session.scalars(select(Notice)).one()
        assert notice.delivered_at is not None
        assert first.get_json()["delivered_at"].startswith(f"{notice.delivered_at:%Y-%m-%dT%H:%M}")
        duty = session.scalars(select(CheckInDuty)).one()
        # By night the clock does not start: what arrives then is void.
        assert duty.state is DutyState.VOID or duty.opens_at == notice.delivered_at
        made = select(AuditRecord.actor_id).where(AuditRecord.via == "deliveries.report")
        assert set(session.scalars(made)) == {"carrier"}


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer t\xf6ken"],
)
def test_a_stranger_proves_nothing(
    carrier: FlaskClient, database: Database, reference: str, authorization: str
) -> None:
    answer = report(carrier, reference, authorization=authorization)
    assert problem(answer) == (403, "forbidden", None)
    assert problem(report(carrier, None, authorization=authorization))[0] == 403
    assert state(database) is NoticeState.QUEUED


@pytest.mark.parametrize("configured", [None, SecretStr("")])
def test_without_a_token_configured_the_door_is_closed(
    carrier: FlaskClient, settings: Settings, reference: str, configured: SecretStr | None
) -> None:
    settings.delivery_token = configured
    for authorization in ("", "Bearer ", "Bearer None", f"Bearer {TOKEN}"):
        answer = report(carrier, reference, authorization=authorization)
        assert problem(answer) == (403, "forbidden", None)


def test_a_reference_that_nobody_gave_is_not_found(carrier: FlaskClient, county: County) -> None:
    assert problem(report(carrier, "nobody")) == (404, "not_found", "reference")


@pytest.mark.parametrize(
    ("reference", "state", "field"),
    [
        (None, "delivered", "reference"),
        ("", "delivered", "reference"),
        ("a\0b", "delivered", "reference"),
        ("a" * 101, "delivered", "reference"),
        (["a"], "delivered", "reference"),
        ("abc", "failed", "state"),
        ("abc", None, "state"),
    ],
)
def test_a_report_that_cannot_be_right_names_its_field(
    carrier: FlaskClient, county: County, reference: object, state: object, field: str
) -> None:
    assert problem(report(carrier, reference, state)) == (422, "invalid", field)


def test_the_specification_says_how_to_report(carrier: FlaskClient) -> None:
    spec = carrier.get("/api/v1/openapi.json").get_json()
    told = spec["paths"][PATH]["post"]
    [scheme] = told["security"]
    assert spec["components"]["securitySchemes"][next(iter(scheme))]["scheme"] == "bearer"
    assert told["responses"].keys() >= {"200", "403", "404", "422"}
