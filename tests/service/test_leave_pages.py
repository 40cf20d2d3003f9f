"""Leave in the console and on the phone: recorded, seen to run, signed off."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import overdue
from correction_service.db import Database
from correction_service.people.phones import offer
from models.audit import AuditRecord
from models.case import LEGAL_ZONE, Case
from models.incident import Incident
from models.leave import Leave, LeaveState
from models.user import Role
from tests.county import County
from tests.pages import SignedInClient


def local(at: datetime) -> str:
    return f"{at.astimezone(LEGAL_ZONE):%Y-%m-%dT%H:%M}"


def form(starts_in: timedelta, ends_in: timedelta) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "reason": "family",
        "destination": "贵阳市",
        "starts_at": local(now + starts_in),
        "ends_at": local(now + ends_in),
        "level": "office",
        "note": "外出审批表 17",
    }


SOON = form(timedelta(hours=2), timedelta(days=2))
RUNNING = form(timedelta(hours=-2), timedelta(days=2))


@pytest.fixture
def officer(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.OFFICER)


def only(database: Database) -> Leave:
    with database.reading() as session:
        leave = session.scalars(select(Leave)).one()
        session.expunge(leave)
        return leave


def test_an_officer_records_a_leave_and_signs_it_off(
    officer: FlaskClient, database: Database, county: County
) -> None:
    path = f"/cases/{county.case}"
    page = officer.post(f"{path}/leave", data=RUNNING, follow_redirects=True).text
    assert "The zones to keep to rest while it runs." in page
    assert "贵阳市" in page
    assert "on leave now" in page
    leave = only(database)
    later = officer.post(
        f"{path}/leave/{leave.id}/extend",
        data={
            "ends_at": local(leave.ends_at + timedelta(days=1)),
            "level": "office",
            "note": "表 18",
        },
        follow_redirects=True,
    )
    assert "The leave ends later." in later.text
    signed = officer.post(f"{path}/leave/{leave.id}/sign-off", follow_redirects=True).text
    assert "Signed off as back." in signed
    assert only(database).state is LeaveState.RETURNED
    timeline = officer.get(path).text
    assert "Leave approved" in timeline
    assert "Signed off as back from leave" in timeline
    twice = officer.post(f"{path}/leave/{leave.id}/sign-off", follow_redirects=True).text
    assert "signed off or cancelled already" in twice
    with database.reading() as session:
        written = select(AuditRecord).where(AuditRecord.subject_kind == "leave")
        assert len(session.scalars(written).all()) >= 3


def test_an_officer_enters_since_when_the_person_was_back(
    officer: FlaskClient, database: Database, county: County
) -> None:
    path = f"/cases/{county.case}"
    officer.post(f"{path}/leave", data=RUNNING)
    signing = f"{path}/leave/{only(database).id}/sign-off"
    now = datetime.now(UTC)
    ahead = {"back_at": local(now + timedelta(hours=1))}
    assert "not ahead" in officer.post(signing, data=ahead, follow_redirects=True).text
    back = {"back_at": local(now - timedelta(hours=1))}
    assert "back since" in officer.post(signing, data=back, follow_redirects=True).text
    assert local(only(database).back_at or now) == back["back_at"]


def test_a_leave_that_has_not_begun_is_cancelled(
    officer: FlaskClient, database: Database, county: County
) -> None:
    path = f"/cases/{county.case}/leave"
    officer.post(path, data=SOON)
    gone = officer.post(f"{path}/{only(database).id}/cancel", follow_redirects=True)
    assert "The leave is cancelled." in gone.text
    assert only(database).state is LeaveState.CANCELLED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"destination": "天涯海角"}, "No county, district or city is called 天涯海角."),
        ({"destination": " "}, "Say where to"),
        ({"reason": "holiday"}, "Choose one of the list."),
        ({"starts_at": "tomorrow"}, "Give a day and an hour."),
        ({"note": ""}, "Say on which paper"),
        ({"level": ""}, "Choose one of the list."),
    ],
)
def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    officer: FlaskClient, county: County, change: dict[str, str], why: str
) -> None:
    page = officer.post(f"/cases/{county.case}/leave", data=SOON | change)
    assert page.status_code == 422
    assert why in page.text
    assert SOON["ends_at"] in page.text


def test_a_leave_of_one_case_is_not_found_under_another(
    officer: FlaskClient, database: Database, county: County
) -> None:
    officer.post(f"/cases/{county.case}/leave", data=SOON)
    path = f"/cases/{county.case + 1}/leave/{only(database).id}/cancel"
    assert officer.post(path).status_code == 404


def test_who_only_looks_on_sees_leaves_and_records_none(
    client_of: SignedInClient, officer: FlaskClient, county: County
) -> None:
    officer.post(f"/cases/{county.case}/leave", data=SOON)
    procurator = client_of(Role.PROCURATOR)
    page = procurator.get(f"/cases/{county.case}/decisions")
    assert "贵阳市" in page.text
    assert "Record the leave" not in page.text
    assert procurator.post(f"/cases/{county.case}/leave", data=SOON).status_code == 403


def test_the_list_leads_to_whoever_is_due_back_today(
    officer: FlaskClient, database: Database, county: County
) -> None:
    officer.post(f"/cases/{county.case}/leave", data=RUNNING)
    with database.transaction(SYSTEM, "test") as session:
        leave = session.scalars(select(Leave)).one()
        leave.ends_at = datetime.now(UTC) - timedelta(minutes=1)
    assert "is the person back?" in officer.get("/").text
    page = officer.get(f"/cases/{county.case}/decisions").text
    assert "due back, not signed off" in page


def test_an_overdue_return_leads_to_the_leave(
    officer: FlaskClient, database: Database, county: County
) -> None:
    officer.post(f"/cases/{county.case}/leave", data=RUNNING)
    with database.transaction(SYSTEM, "test") as session:
        leave = session.scalars(select(Leave)).one()
        leave.ends_at = datetime.now(UTC) - timedelta(hours=2)
        session.flush()
        overdue.watch(session, datetime.now(UTC))
        incident = session.scalars(select(Incident)).one().id
    page = officer.get(f"/incidents/{incident}").text
    assert "nobody knows whether the person is back: no breach is seen" in page
    assert "Sign off or extend the leave" in page
    officer.post(f"/cases/{county.case}/leave/{leave.id}/sign-off")
    page = officer.get(f"/incidents/{incident}").text
    assert "it is over: signed off as back" in page
    assert "Sign off or extend the leave" not in page


@pytest.fixture
def wearer(app: Flask, database: Database, county: County) -> FlaskClient:
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        code = offer(session, person, datetime.now(UTC))
    client = app.test_client()
    client.get("/m/pin?lang=en")
    client.post("/m/activate", data={"code": code, "pin": "407219", "again": "407219"})
    return client


@pytest.mark.parametrize(
    ("asked", "said"),
    [(SOON, "You have leave from"), (RUNNING, "You are on leave.</b> 贵阳市")],
)
def test_the_wearer_sees_their_leave_and_when_to_be_back(
    officer: FlaskClient, wearer: FlaskClient, county: County, asked: dict[str, str], said: str
) -> None:
    officer.post(f"/cases/{county.case}/leave", data=asked)
    page = wearer.get("/m/").text
    assert said in page
    assert "Be back by" in page
    assert "UTC" not in page, "as people say it"
    assert ("No area is set here" in page) is (asked is SOON)


def test_the_wearer_whose_leave_is_over_is_asked_to_call(
    officer: FlaskClient, wearer: FlaskClient, database: Database, county: County
) -> None:
    officer.post(f"/cases/{county.case}/leave", data=RUNNING)
    with database.transaction(SYSTEM, "test") as session:
        leave = session.scalars(select(Leave)).one()
        leave.ends_at = datetime.now(UTC) - timedelta(minutes=1)
    assert "Please call your office or go there today" in wearer.get("/m/").text
